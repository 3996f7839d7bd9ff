/** One revocation, watched from outside: how long every instance takes to refuse, and open streams to end. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';

export interface Watched {
  /** Where each instance listens. */
  readonly origins: readonly string[];
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Sample {
  /** From the answer to the revocation until the last instance has refused the token, in ms. */
  readonly refusedAfterMs: number;
  /** And until the last open event stream has ended. */
  readonly endedAfterMs: number;
}

const agent = new Agent({ keepAlive: true });
const rpc = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<IncomingMessage> {
  const outgoing = httpRequest(url, { agent, method: body === undefined ? 'GET' : 'POST', headers });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return answer;
}

/** The status of a call with a token. */
export async function call(origin: string, accessToken: string): Promise<number> {
  const authorization = `Bearer ${accessToken}`;
  const answer = await ask(
    `${origin}/mcp`,
    { ...rpc, authorization },
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  );
  await text(answer);
  return answer.statusCode ?? 0;
}

/** Revokes at the instance `at` the grant of a token that every instance has just accepted, with a stream open on each. */
export async function revokeAndWatch(
  { origins, clientId, clientSecret }: Watched,
  { accessToken, refreshToken }: { readonly accessToken: string; readonly refreshToken: string },
  at: number,
): Promise<Sample> {
  const ends = await Promise.all(origins.map(async (origin) => openStream(origin, accessToken)));
  for (const origin of origins) await expectStatus(origin, accessToken, 200);
  const form = new URLSearchParams({
    token: refreshToken,
    client_id: clientId,
    client_secret: clientSecret,
  }).toString();
  const answer = await ask(
    `${origins[at % origins.length] ?? ''}/revoke`,
    { 'content-type': 'application/x-www-form-urlencoded' },
    form,
  );
  const answeredAt = performance.now();
  await text(answer);
  if (answer.statusCode !== 200) throw new Error(`not revoked: ${answer.statusCode}`);
  const [refusals, endings] = await Promise.all([
    Promise.all(origins.map(async (origin) => untilRefused(origin, accessToken))),
    Promise.all(ends.map(({ ended }) => ended)),
  ]);
  return {
    refusedAfterMs: Math.max(...refusals) - answeredAt,
    endedAfterMs: Math.max(0, ...endings.map((endedAt) => endedAt - answeredAt)),
  };
}

/** When it ended, whatever way. */
async function openStream(origin: string, accessToken: string): Promise<{ readonly ended: Promise<number> }> {
  const stream = await ask(`${origin}/mcp`, {
    accept: 'text/event-stream',
    authorization: `Bearer ${accessToken}`,
  });
  if (stream.statusCode !== 200) throw new Error(`no stream: ${stream.statusCode}`);
  const ended = new Promise<number>((resolve) => {
    stream.on('error', () => undefined).once('close', () => resolve(performance.now()));
  });
  stream.resume();
  return { ended };
}

async function untilRefused(origin: string, accessToken: string): Promise<number> {
  for (;;) {
    const status = await call(origin, accessToken);
    if (status === 401) return performance.now();
    if (status !== 200) throw new Error(`a wrong answer: ${status}`);
  }
}

async function expectStatus(origin: string, accessToken: string, expected: number): Promise<void> {
  const status = await call(origin, accessToken);
  if (status !== expected) throw new Error(`a wrong answer: ${status}`);
}
