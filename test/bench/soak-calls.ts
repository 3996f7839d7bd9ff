/** Calls to the MCP server through the proxy, each of them judged. */
import { createHash } from 'node:crypto';
import type { Arrival, Echo, Identity } from './soak-backend.ts';
import { NumberedEvents } from './soak-events.ts';
import {
  type Asked,
  judgeAcceptance,
  judgeDuration,
  judgeEnding,
  judgeSilence,
  judgeStatus,
  type World,
} from './soak-judge.ts';
import type { Ledger } from './soak-ledger.ts';
import type { AccessToken } from './soak-people.ts';
import { type Received, send, type Sending } from './soak-send.ts';

export interface Call {
  readonly kind: string;
  readonly instance: number;
  /** Undefined: none that is good, whatever `authorization` says. */
  readonly token: AccessToken | undefined;
  readonly authorization?: string;
  readonly method?: 'GET' | 'POST';
  readonly query: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly sending?: Pick<Sending, 'isChunked' | 'abortAfterMs' | 'bytesToSend'>;
  /** The right status, when it is not 200: then nothing may reach the MCP server. */
  readonly refusal?: number;
  /** How many events come. */
  readonly events?: number;
}

interface UnderWay {
  readonly call: Call;
  readonly asked: Asked;
  arrivedAt: number | undefined;
}

/** How long after its answer a request may still be reported by the back end. */
const reportedWithinMs = 60_000;

export class Calls {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #origins: readonly string[];
  readonly #known = new Map<number, UnderWay>();
  #numbers = 0;
  open = 0;

  constructor(world: World, ledger: Ledger, origins: readonly string[]) {
    this.#world = world;
    this.#ledger = ledger;
    this.#origins = origins;
  }

  async make(call: Call): Promise<void> {
    const { kind, instance, token, query, body = new Uint8Array() } = call;
    const number = (this.#numbers += 1);
    const isGet = call.method === 'GET';
    const sha256 = createHash('sha256').update(body).digest('hex');
    const parameters = { ...query, number, ...(!isGet && { sha256 }) };
    const events = call.events === undefined ? undefined : new NumberedEvents(number);
    const authorization = call.authorization ?? (token && `Bearer ${token.value}`);
    const asked: Asked = { instance, token, sentAt: performance.now() };
    const underWay: UnderWay = { call, asked, arrivedAt: undefined };
    this.#known.set(number, underWay);
    this.open += 1;
    const outcome = await send({
      origin: this.#origins[instance] ?? '',
      path: `/mcp?${searchOf(parameters)}`,
      method: call.method ?? 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        ...(!isGet && { 'content-type': 'application/json' }),
        ...(authorization !== undefined && { authorization }),
        ...call.headers,
      },
      ...(!isGet && { body }),
      ...call.sending,
      ...(events && { onData: (chunk: Buffer) => events.add(chunk) }),
    });
    this.open -= 1;
    setTimeout(() => this.#known.delete(number), reportedWithinMs).unref();
    if (events?.problem !== undefined) this.#wrong(kind, underWay, events.problem);
    if (outcome.kind === 'left') return this.#ledger.count(kind, 'left');
    if (outcome.kind === 'silence') {
      const problem = judgeSilence(this.#world, asked, {
        arrivedAt: underWay.arrivedAt,
        endedAt: outcome.endedAt,
      });
      if (problem !== undefined) this.#wrong(kind, underWay, `${problem}: ${outcome.reason}`);
      return this.#ledger.count(kind, 'no answer');
    }
    this.#judge(number, underWay, outcome.received, events);
  }

  #judge(number: number, underWay: UnderWay, received: Received, events: NumberedEvents | undefined): void {
    const { call, asked } = underWay;
    const { kind, refusal } = call;
    const { status, headers, isWhole, endedAt, headersAt } = received;
    const answer = { status, headersAt, retryAfter: headers['retry-after'] };
    const judge = (problem: string | undefined) =>
      problem !== undefined && this.#wrong(kind, underWay, problem);
    const problem = judgeStatus(this.#world, asked, answer, refusal);
    judge(problem && (status === 200 ? problem : `${problem}: ${received.body.toString().slice(0, 200)}`));
    if (status === 401 && headers['www-authenticate'] === undefined) judge('401 without WWW-Authenticate');
    if (status !== 200) return this.#ledger.count(kind, String(status));
    judge(judgeDuration(this.#world, asked, endedAt));
    const isComplete = isWhole && (events === undefined || events.isOver);
    if (isComplete) {
      judge(events === undefined ? problemOfBody(call, number, received) : problemOfEvents(call, events));
      return this.#ledger.count(kind, '200');
    }
    const isStandingStream = events !== undefined && call.method === 'GET';
    judge(judgeEnding(this.#world, asked, { ending: isWhole ? 'clean' : 'cut', endedAt, isStandingStream }));
    this.#ledger.count(kind, isWhole ? 'ended' : 'cut');
  }

  /** What the back end has seen of a request. */
  arrived(arrival: Arrival): void {
    const underWay = this.#known.get(arrival.number);
    if (underWay === undefined)
      return this.#ledger.judge('any', `request ${arrival.number} arrived, but nobody sent it`);
    const { call, asked } = underWay;
    if (underWay.arrivedAt !== undefined) this.#wrong(call.kind, underWay, 'it arrived twice');
    underWay.arrivedAt = performance.now();
    const problem =
      call.refusal === undefined
        ? judgeAcceptance(this.#world, asked, underWay.arrivedAt)
        : 'it arrived, but should have been refused';
    if (problem !== undefined) this.#wrong(call.kind, underWay, `the back end saw it: ${problem}`);
    const difference = call.token && problemOfIdentity(call.token.grant.identity, arrival);
    if (difference !== undefined)
      this.#wrong(call.kind, underWay, `the back end saw another person: ${difference}`);
  }

  #wrong(kind: string, { asked, call }: UnderWay, what: string): void {
    const { instance, sentAt, token } = asked;
    const since = (at: number) => `${Math.round(performance.now() - at)} ms ago`;
    const ends = (token?.ends ?? []).map(
      ({ askedAt, confirmed }) =>
        ` end asked ${since(askedAt)}, ${confirmed === undefined ? 'not confirmed' : `confirmed ${since(confirmed.at)} by ${confirmed.instance}`}`,
    );
    const where = `instance ${instance}, sent ${since(sentAt)}, query ${JSON.stringify(call.query)}`;
    this.#ledger.judge(kind, `${what} (${where}${ends.join(';')})`);
  }
}

function searchOf(parameters: Call['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) search.set(name, String(value));
  return search.toString();
}

function problemOfEvents({ events: wanted }: Call, { count }: NumberedEvents): string | undefined {
  return count === wanted ? undefined : `${count} events came of ${wanted}`;
}

function problemOfBody(
  { query, token, body, headers }: Call,
  number: number,
  received: Received,
): string | undefined {
  if (query.do === 'download') return problemOfDownload(query, received);
  const session = query.session;
  if (session !== undefined && received.headers['mcp-session-id'] !== session)
    return 'the session is not named';
  let echo: Echo;
  try {
    echo = JSON.parse(received.body.toString()) as Echo;
  } catch {
    return `an answer that is not the back end’s: ${received.body.toString().slice(0, 200)} ${JSON.stringify(headers)}`;
  }
  if (echo.number !== number) return `the answer to request ${echo.number}`;
  if (echo.bytes !== (body?.length ?? 0)) return `${echo.bytes} bytes arrived`;
  return token && problemOfIdentity(token.grant.identity, echo);
}

function problemOfDownload({ bytes }: Call['query'], { body, headers }: Received): string | undefined {
  if (body.length !== bytes) return `${body.length} bytes came of ${bytes}`;
  const sha256 = createHash('sha256').update(body).digest('hex');
  return sha256 === headers['x-sha256'] ? undefined : 'other bytes came than were sent';
}

function problemOfIdentity(wanted: Identity, seen: Identity): string | undefined {
  const names = ['user', 'email', 'name', 'clientId', 'accessToken'] as const;
  const wrong = names.filter((name) => wanted[name] !== seen[name]);
  return wrong.length === 0
    ? undefined
    : wrong.map((name) => `${name} ${seen[name]} instead of ${wanted[name]}`).join(', ');
}
