/** What the people of the soak do, at a constant rate: a draw for each request. */
import { randomBytes } from 'node:crypto';
import type { Call, Calls } from './soak-calls.ts';
import type { AccessToken, Grant } from './soak-people.ts';

export interface LoadOptions {
  readonly calls: Calls;
  /** Those that have not ended. */
  readonly grants: ReadonlySet<Grant>;
  readonly chooseInstance: () => number;
  readonly perSecond: number;
  /** How long an event stream may be, in s. */
  readonly longestStreamSeconds: number;
}

const noise = randomBytes(3 * 1024 * 1024);
const between = (least: number, most: number) => least + Math.floor(Math.random() * (most - least + 1));
const isDrawn = (share: number) => Math.random() < share;

export function pick<T>(items: Iterable<T>): T | undefined {
  const list = [...items];
  return list[Math.floor(Math.random() * list.length)];
}

type Draft = Omit<Call, 'instance' | 'token'>;

const small: Draft['query'] = { do: 'echo', waitMs: 0 };

/** Kinds of calls, and how many of a thousand they are. */
const mix: readonly (readonly [number, (longestStreamSeconds: number) => Draft])[] = [
  [680, () => ({ kind: 'small POST', query: small, body: piece(300) })],
  [40, () => ({ kind: 'slow POST', query: { do: 'echo', waitMs: between(200, 1500) }, body: piece(300) })],
  [
    15,
    () => ({
      kind: 'large upload',
      query: small,
      body: piece(between(50_000, 2_000_000)),
      sending: { isChunked: isDrawn(0.5) },
    }),
  ],
  [15, () => ({ kind: 'large answer', query: download() })],
  [25, (longest) => stream('event stream, GET', 'GET', longest)],
  [15, (longest) => stream('event stream, POST', 'POST', longest)],
  [10, (longest) => ({ ...stream('stream, client leaves', 'GET', longest), sending: leaving(4_000) })],
  [
    10,
    () => ({
      kind: 'upload, client leaves',
      query: small,
      body: piece(1_000_000),
      sending: { isChunked: isDrawn(0.5), bytesToSend: between(1, 900_000), ...leaving(300) },
    }),
  ],
  [
    10,
    () => ({
      kind: 'slow POST, client leaves',
      query: { do: 'echo', waitMs: between(100, 1500) },
      body: piece(300),
      sending: leaving(400),
    }),
  ],
  [10, () => ({ kind: 'large answer, client leaves', query: download(), sending: leaving(30) })],
];

function piece(bytes: number): Buffer {
  const start = between(0, noise.length - bytes);
  return noise.subarray(start, start + bytes);
}

function leaving(mostMs: number): { readonly abortAfterMs: number } {
  return { abortAfterMs: between(1, mostMs) };
}

function download(): Draft['query'] {
  return { do: 'download', bytes: between(10_000, 2_000_000), ...(isDrawn(0.5) && { counted: 1 }) };
}

/** Most are short and busy; some are long, slow, and silent for a while in the middle of an event. */
function stream(kind: string, method: 'GET' | 'POST', longestSeconds: number): Draft {
  const isLong = isDrawn(0.1);
  const everyMs = isLong ? between(500, 1500) : between(5, 100);
  const seconds = isLong ? longestSeconds : between(1, 4);
  const events = Math.ceil((seconds * 1000) / everyMs);
  const pauseMs = isLong && isDrawn(0.5) ? 2_500 : between(0, 20);
  return { kind, method, events, query: { do: 'stream', events, everyMs, pauseMs } };
}

const total = mix.reduce((sum, [weight]) => sum + weight, 0);

function draw(longestStreamSeconds: number): Draft {
  let left = Math.random() * total;
  const [, make] = mix.find(([weight]) => (left -= weight) < 0) ?? [0, mix[0]?.[1]];
  if (make === undefined) throw new Error('there is nothing to do');
  return make(longestStreamSeconds);
}

/** More at once would say nothing but that this machine is too slow for the rate. */
const mostOpen = 400;

/** Starts calls until the returned function is called; `skipped` of them found too many others open. */
export function startLoad(options: LoadOptions): { stop(): void; readonly skipped: () => number } {
  let skipped = 0;
  let due = 0;
  let lastAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    due = Math.min(due + ((now - lastAt) / 1000) * options.perSecond, options.perSecond);
    lastAt = now;
    for (; due >= 1; due -= 1) {
      if (options.calls.open >= mostOpen) skipped += 1;
      else void callOnce(options);
    }
  }, 10);
  return { stop: () => clearInterval(timer), skipped: () => skipped };
}

async function callOnce({ calls, grants, chooseInstance, longestStreamSeconds }: LoadOptions): Promise<void> {
  const grant = pick(grants);
  const token = isDrawn(0.05) ? pick(grant?.tokens ?? []) : grant?.tokens.at(-1);
  if (grant === undefined || token === undefined) return undefined;
  const instance = chooseInstance();
  if (isDrawn(0.02)) return calls.make(intruder(token, instance, grants));
  const draft = draw(longestStreamSeconds);
  const { sessionId } = grant.person;
  const usesSession = sessionId !== undefined && isDrawn(0.3);
  const headers = {
    ...(isDrawn(0.1) && forgedIdentity),
    ...(usesSession && { 'mcp-session-id': sessionId }),
  };
  return calls.make({ ...draft, headers, instance, token });
}

/** What a client says about itself, and nobody may believe. */
const forgedIdentity = {
  'x-forwarded-user': 'root',
  'x-forwarded-email': 'root@example.com',
  X_Forwarded_Name: 'Root',
  connection: 'keep-alive, x-forwarded-user',
};

/** Who has no business here: another person's session, a token that was tampered with, or none. */
function intruder(token: AccessToken, instance: number, grants: Iterable<Grant>): Call {
  const call = { instance, query: small, body: piece(300) };
  const other = pick(grants)?.person;
  if (isDrawn(0.5) && other?.sessionId !== undefined && other !== token.grant.person) {
    const headers = { 'mcp-session-id': other.sessionId };
    return { ...call, kind: 'another’s session', token, headers, refusal: 404 };
  }
  const authorization = isDrawn(0.5) ? { authorization: `Bearer ${tampered(token.value)}` } : {};
  return { ...call, kind: 'without a good token', token: undefined, refusal: 401, ...authorization };
}

/** Another signature than the right one. */
function tampered(jwt: string): string {
  const at = jwt.lastIndexOf('.') + 10;
  return jwt.slice(0, at) + (jwt[at] === 'A' ? 'B' : 'A') + jwt.slice(at + 1);
}
