/**
 * What happened, as others are told: the audit trail, the log, the metrics. Whoever knows that something has happened
 * records it here, once, and after it was committed; refusals are recorded where they are answered (`http`).
 */
import type { Logger } from 'pino';
import type { EventFacts } from '../protocol/event-facts.ts';
import type { RefusalCode } from '../protocol/refusal-codes.ts';
import type { EndedGrant, RevocationReason } from '../repositories/grants.ts';
import type { Services } from './services.ts';

/** Whose request something happened in. */
export interface Caller {
  readonly requestId: string;
  readonly address: string;
  readonly userAgent: string | undefined;
}

/** Where a refusal was answered. */
export const endpoints = [
  'authorize',
  'consent',
  'callback',
  'account',
  'token',
  'revoke',
  'introspect',
  'register',
  'backchannel-logout',
  'mcp',
  'other',
] as const;
export type Endpoint = (typeof endpoints)[number];

interface Success {
  readonly outcome: 'success';
}

interface Refused {
  readonly outcome: 'refused';
  readonly endpoint: Endpoint;
  /** The protocol's word for it, or our own. One of few, so it may label a metric. */
  readonly code: RefusalCode;
  /** Why, in words of ours, or of a provider. Not for labels. */
  readonly reason: string;
}

/** What the audit trail keeps. */
export type AuditEvent = EventFacts &
  (
    | ({ readonly type: 'registration'; readonly how: 'dynamic' | 'document' | 'operator' } & Success)
    | ({ readonly type: 'consent'; readonly how: 'asked' | 'remembered' } & Success)
    | ({ readonly type: 'sign_in' } & Success)
    | ({
        readonly type: 'token';
        readonly how: 'authorization_code' | 'client_credentials';
        /** `jti`: what the MCP server sees of a token. */
        readonly tokenId: string;
      } & Success)
    /** `repeated`: the answer of the first time, once more, within the grace window. */
    | ({ readonly type: 'refresh'; readonly how: 'rotated' | 'repeated' } & Success)
    | ({
        readonly type: 'revoke';
        /** With a grant end all its tokens; an access token ends alone. */
        readonly what: 'grant' | 'access_token';
        readonly reason: RevocationReason;
      } & Success)
    | ({
        readonly type: 'tool_call';
        readonly method: string;
        readonly name: string | undefined;
      } & Success)
    /** A refusal of what has a name of its own: the person said no, a sign-in came to nothing, something was used twice. */
    | ({ readonly type: 'consent' | 'sign_in' | 'reuse' | 'refusal' } & Refused)
  );

/** What is only counted: steps on the way to a connection, and what is no decision about anybody. */
export type CountedEvent = EventFacts &
  (
    | { readonly type: 'authorize_opened' | 'consent_shown' | 'sign_in_begun' }
    /** A request for the resource without a token: how each connection begins. */
    | { readonly type: 'challenge' }
    | { readonly type: 'rate_limited'; readonly endpoint: Endpoint }
    /** Nobody's fault but ours, or of what we depend on. */
    | { readonly type: 'failure'; readonly endpoint: Endpoint; readonly code: RefusalCode }
  );

export type DomainEvent = AuditEvent | CountedEvent;

export interface Recorded<E extends DomainEvent = DomainEvent> {
  readonly at: Date;
  /** Undefined for what happens in the background, or at the operator's hand. */
  readonly caller: Caller | undefined;
  readonly event: E;
}

export type Listener = (recorded: Recorded) => void;

const auditTypes: ReadonlySet<DomainEvent['type']> = new Set<AuditEvent['type']>([
  'registration',
  'consent',
  'sign_in',
  'token',
  'refresh',
  'reuse',
  'revoke',
  'refusal',
  'tool_call',
]);

export function isAudited(recorded: Recorded): recorded is Recorded<AuditEvent> {
  return auditTypes.has(recorded.event.type);
}

export class Events {
  readonly #services: { readonly clock: () => Date; readonly log: Pick<Logger, 'error'> };
  readonly #listeners: Set<Listener>;
  readonly #caller: Caller | undefined;

  constructor(
    services: { readonly clock: () => Date; readonly log: Pick<Logger, 'error'> },
    listeners = new Set<Listener>(),
    caller?: Caller,
  ) {
    this.#services = services;
    this.#listeners = listeners;
    this.#caller = caller;
  }

  /** From now on it hears everything, at once and in order. It must be quick: a request waits for it. */
  listen(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** The same, for what happens in a request: a flow needs not know whose it is. */
  from(caller: Caller): Events {
    return new Events(this.#services, this.#listeners, caller);
  }

  /** A listener that fails harms neither the request nor the others. */
  record(event: DomainEvent): void {
    const recorded = { at: this.#services.clock(), caller: this.#caller, event };
    for (const listener of this.#listeners) {
      try {
        listener(recorded);
      } catch (error) {
        this.#services.log.error({ err: error, event: event.type }, 'an event was not taken down');
      }
    }
  }
}

/** One for each grant that this call has ended: nobody else records it. */
export function recordEnded(
  events: Pick<Events, 'record'>,
  grants: readonly EndedGrant[],
  reason: RevocationReason,
): void {
  for (const grant of grants)
    events.record({ type: 'revoke', outcome: 'success', what: 'grant', reason, ...grant });
}

/** Services for flows that work at the request of a caller. */
export function calledBy(services: Services, caller: Caller): Services {
  return { ...services, events: services.events.from(caller) };
}
