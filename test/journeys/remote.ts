/** The verbs of `test/support/authorize.ts` over the network: for servers behind a front or in another process. */
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { InjectOptions } from 'fastify';
import type { Answer, TestApp } from '../support/app.ts';

/** A server known by its address alone. The verbs ask no more of a {@link TestApp} than `send`. */
export function remote(origin: string): TestApp {
  return { send: (request: InjectOptions) => send(origin, request) } as TestApp;
}

/** A new connection for each request: behind a front, the next instance gets it. */
async function send(origin: string, { method, url, headers, payload }: InjectOptions): Promise<Answer> {
  const isObject = typeof payload === 'object';
  const outgoing = httpRequest(new URL(typeof url === 'string' ? url : '/', origin), {
    agent: false,
    method: method ?? 'GET',
    headers: { ...(isObject && { 'content-type': 'application/json' }), ...headers },
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
