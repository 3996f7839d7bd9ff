/** The verbs of `test/support/authorize.ts` over the network: for servers behind a front or in another process. */
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { InjectOptions } from 'fastify';
import type { Answer, TestApp } from '../support/app.ts';
import { openBrowser } from '../support/authorize.ts';
import { type Person, signInAt } from '../support/sample-provider.ts';
import { ada } from '../support/authorize.ts';

/** A server known by its address alone. The verbs ask no more of a {@link TestApp} than `send`. */
export function remote(origin: string): TestApp {
  return { send: (request: InjectOptions) => send(origin, request) } as TestApp;
}

/** A new connection for each request: behind a front, the next instance gets it. */
async function send(origin: string, { method, url, headers, payload }: InjectOptions): Promise<Answer> {
  const isObject = typeof payload === 'object';
  const outgoing = httpRequest(new URL(String(url), origin), {
    agent: false,
    method: method ?? 'GET',
    headers: { ...(isObject && { 'content-type': 'application/json' }), ...headers } as Record<
      string,
      string
    >,
  });
  outgoing.end(isObject ? JSON.stringify(payload) : payload);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = await text(response);
  return {
    statusCode: response.statusCode ?? 0,
    headers: response.headers,
    body,
    cookies: (response.headers['set-cookie'] ?? []).map(readCookie),
    json: () => JSON.parse(body) as unknown,
  } as Answer;
}

function readCookie(line: string) {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
  const maxAge = /;\s*max-age=(-?\d+)/i.exec(line)?.[1];
  const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1];
  return {
    name,
    value,
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(expires !== undefined && { expires: new Date(expires) }),
  };
}

/** What a person does when a client sends them to `authorizationUrl`: approves, signs in, and is sent back. */
export async function visitAsPerson(authorizationUrl: URL, person: Person = ada): Promise<URL> {
  const browser = openBrowser(remote(authorizationUrl.origin));
  const page = await browser.get(authorizationUrl.pathname + authorizationUrl.search);
  const requestId = /name="request_id" value="([^"]+)"/.exec(page.body)?.[1];
  if (requestId === undefined) throw new Error(`no consent page, but ${page.statusCode}: ${page.body}`);
  const approved = await browser.submit('/consent', { request_id: requestId, decision: 'approve' });
  const returned = await signInAt(new URL(String(approved.headers.location)), person);
  const answered = await browser.get(returned.pathname + returned.search);
  return new URL(String(answered.headers.location));
}
