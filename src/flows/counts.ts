/** Plain counts of what happened in this process, for whoever asks: metrics read them when they are themselves read. */
import type { Listener } from './events.ts';

/** The steps of a connection, from a client that knows nothing but an address to calls that go on for months. */
const connectionSteps = [
  'challenge_sent',
  'discovery_read',
  'client_registered',
  'client_document_used',
  'authorize_opened',
  'consent_shown',
  'consent_approved',
  'consent_denied',
  'sign_in_begun',
  'signed_in',
  'code_exchanged',
  'first_call',
  'refreshed',
] as const;
export type ConnectionStep = (typeof connectionSteps)[number];

export class Counts {
  readonly steps: Record<ConnectionStep, number>;
  /** Grants that ended because something good once came a second time. */
  readonly reused = { code: 0, refresh_token: 0 };
  /** By code, then by endpoint: few of both, and none that a stranger can add. */
  readonly refusals = new Map<string, Map<string, number>>();

  constructor() {
    const none = connectionSteps.map((step) => [step, 0] as const);
    this.steps = Object.fromEntries(none) as Record<ConnectionStep, number>;
  }

  step(step: ConnectionStep): void {
    this.steps[step] += 1;
  }

  /** For {@link Events}. */
  readonly listener: Listener = ({ event }) => {
    if ('outcome' in event && event.outcome === 'refused') this.#refusal(event.endpoint, event.code);
    switch (event.type) {
      case 'challenge':
        return this.step('challenge_sent');
      case 'registration':
        return event.how === 'operator'
          ? undefined
          : this.step(event.how === 'document' ? 'client_document_used' : 'client_registered');
      case 'authorize_opened':
      case 'consent_shown':
      case 'sign_in_begun':
        return this.step(event.type);
      case 'consent':
        return this.step(event.outcome === 'success' ? 'consent_approved' : 'consent_denied');
      case 'sign_in':
        // Who signs in to see their connections makes none.
        return event.outcome === 'success' && event.grantId !== undefined
          ? this.step('signed_in')
          : undefined;
      case 'token':
        return event.how === 'authorization_code' ? this.step('code_exchanged') : undefined;
      case 'refresh':
        return this.step('refreshed');
      case 'rate_limited':
        return this.#refusal(event.endpoint, 'rate_limited');
      case 'failure':
        return this.#refusal(event.endpoint, event.code);
      case 'revoke':
        if (event.reason === 'code_reused') this.reused.code += 1;
        if (event.reason === 'refresh_token_reused') this.reused.refresh_token += 1;
        return undefined;
      case 'reuse':
      case 'refusal':
      case 'tool_call':
        return undefined;
    }
  };

  #refusal(endpoint: string, code: string): void {
    const byEndpoint = this.refusals.get(code) ?? new Map<string, number>();
    this.refusals.set(code, byEndpoint.set(endpoint, (byEndpoint.get(endpoint) ?? 0) + 1));
  }
}
