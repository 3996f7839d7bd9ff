/** How requests are made: forms as clients post them, and a browser that keeps cookies. */
import type { InjectOptions } from 'fastify';
import type { Answer, TestApp } from './app.ts';

/** Request parameters by name: a list repeats one, undefined leaves out one that would be there. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

export function formOf(parameters: Parameters): string {
  return new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      [value ?? []].flat().map((item): [string, string] => [name, item]),
    ),
  ).toString();
}

export async function postForm(
  proxy: TestApp,
  url: string,
  parameters: Parameters,
  headers: InjectOptions['headers'] = {},
): Promise<Answer> {
  const payload = formOf(parameters);
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return proxy.send({ method: 'POST', url, payload, headers: { ...type, ...headers } });
}

export type Browser = ReturnType<typeof openBrowser>;

/**
 * A browser that keeps cookies, sends what browsers send, and follows no redirect by itself. A header that is undefined
 * is left out.
 */
export function openBrowser(proxy: TestApp) {
  const cookies = new Map<string, string>();

  const visit = async (request: InjectOptions): Promise<Answer> => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { accept: 'text/html,*/*', ...(cookie !== '' && { cookie }), ...request.headers };
    const sent = Object.entries(headers).filter(([, value]) => value !== undefined);
    const answer = await proxy.send({ ...request, headers: Object.fromEntries(sent) });
    for (const { name, value, maxAge, expires } of answer.cookies) {
      if (maxAge === 0 || (expires !== undefined && expires.getTime() <= 0)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    get: async (url: string, headers: InjectOptions['headers'] = {}) => visit({ url, headers }),
    submit: async (url: string, form: Parameters, headers: InjectOptions['headers'] = {}) =>
      visit({
        method: 'POST',
        url,
        payload: formOf(form),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'sec-fetch-site': 'same-origin',
          ...headers,
        },
      }),
  };
}
