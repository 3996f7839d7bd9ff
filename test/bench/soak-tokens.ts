/** What the soak's clients do at the token endpoint, each answer judged. */
import { setTimeout } from 'node:timers/promises';
import type { TestClient } from '../support/authorize.ts';
import { formOf, type Parameters } from '../support/browser.ts';
import { judgeSilence, judgeStatus, type World } from './soak-judge.ts';
import type { Ledger } from './soak-ledger.ts';
import {
  type Grant,
  keepTokens,
  type Person,
  signInPerson,
  type SignInServices,
  type TokenResponse,
} from './soak-people.ts';
import { send } from './soak-send.ts';

export interface TokenWorld {
  readonly world: World;
  readonly ledger: Ledger;
  readonly origins: readonly string[];
  readonly signIn: SignInServices;
  readonly graceSeconds: number;
  /** Which instance to ask next. */
  readonly chooseInstance: () => number;
  readonly isOver: () => boolean;
}

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly instance: number;
}

export const retryMs = 250;

/** Undefined: no answer, or one that says to try again. The judge has seen both. */
export async function post(
  { world, ledger, origins }: TokenWorld,
  kind: string,
  path: string,
  { form, instance }: { readonly form: Parameters; readonly instance: number },
): Promise<Answered | undefined> {
  const sentAt = performance.now();
  const asked = { instance, token: undefined, sentAt };
  const outcome = await send({
    origin: origins[instance] ?? '',
    path,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(formOf(form)),
  });
  if (outcome.kind !== 'answer') {
    ledger.count(kind, 'no answer');
    if (outcome.kind === 'silence') ledger.judge(kind, judgeSilence(world, asked, outcome));
    return undefined;
  }
  const { status, headers, headersAt, endedAt, body, isWhole } = outcome.received;
  ledger.count(kind, String(status));
  if (!isWhole) ledger.judge(kind, judgeSilence(world, asked, { endedAt }));
  if (!isWhole) return undefined;
  if (status === 200 || status === 400)
    return { status, sentAt, endedAt, instance, body: readJson(body.toString()) };
  const answer = { status, headersAt, retryAfter: headers['retry-after'] };
  ledger.judge(kind, status === 401 ? `401: ${body.toString()}` : judgeStatus(world, asked, answer));
  return undefined;
}

/** A revocation is answered with nothing (RFC 7009 §2.2). */
function readJson(text: string): Answered['body'] {
  try {
    return JSON.parse(text === '' ? '{}' : text) as Answered['body'];
  } catch {
    return { text };
  }
}

export const identify = ({ clientId, clientSecret }: TestClient) => ({
  client_id: clientId,
  client_secret: clientSecret,
});

/** A person signs in, and their client exchanges the code. Undefined: the code was used up, but its answer was lost. */
export async function connect(
  soak: TokenWorld,
  person: Person,
  client: TestClient,
): Promise<Grant | undefined> {
  let grant: Grant | undefined;
  while (grant === undefined) {
    grant = await signInPerson(soak.signIn, person, client).catch(() => undefined);
    if (soak.isOver()) return undefined;
    if (grant === undefined) await setTimeout(retryMs);
  }
  let wasUnanswered = false;
  for (;;) {
    const form = exchangeForm(grant);
    const answered = await post(soak, 'code exchange', '/token', { form, instance: soak.chooseInstance() });
    if (answered?.status === 200) {
      keepTokens(grant, answered.body as unknown as TokenResponse);
      return grant;
    }
    if (answered !== undefined) {
      if (!wasUnanswered)
        soak.ledger.judge('code exchange', `a new code was refused: ${JSON.stringify(answered.body)}`);
      return undefined;
    }
    if (soak.isOver()) return undefined;
    wasUnanswered = true;
    await setTimeout(retryMs);
  }
}

export function exchangeForm({ client, code }: Grant): Parameters {
  const { value, verifier } = code;
  const parameters = { code: value, code_verifier: verifier, redirect_uri: client.redirectUri };
  return { grant_type: 'authorization_code', ...parameters, ...identify(client) };
}

/** Exactly once, however often it has to be asked for: until an answer comes, or the grant has ended. */
export async function refresh(soak: TokenWorld, grant: Grant, isTwice: boolean): Promise<void> {
  if (grant.isBusy) return;
  grant.isBusy = true;
  const presented = grant.refreshToken;
  const form = { grant_type: 'refresh_token', refresh_token: presented, ...identify(grant.client) };
  try {
    while (!soak.isOver()) {
      const instances = isTwice ? soak.origins.map((_, instance) => instance) : [soak.chooseInstance()];
      const asking = instances.map((instance) => post(soak, 'refresh', '/token', { form, instance }));
      const answers = (await Promise.all(asking)).filter((answered) => answered !== undefined);
      for (const answered of answers) soak.ledger.judge('refresh', problemOfRefresh(grant, answered));
      const pairs = answers.flatMap(({ status, body }) =>
        status === 200 ? [body as unknown as TokenResponse] : [],
      );
      if (new Set(pairs.map(({ refresh_token }) => refresh_token)).size > 1)
        soak.ledger.judge('refresh', 'two successors of one refresh token');
      const [pair] = pairs;
      if (pair !== undefined) {
        keepTokens(grant, pair);
        grant.spent = { refreshToken: presented, at: performance.now() };
      }
      if (answers.length > 0 || grant.end !== undefined) return;
      await setTimeout(retryMs);
    }
  } finally {
    grant.isBusy = false;
  }
}

function problemOfRefresh({ end }: Grant, { status, body, sentAt, endedAt }: Answered): string | undefined {
  if (status !== 200) {
    const isLost = end === undefined || end.askedAt > endedAt;
    return isLost ? `the grant is lost: ${JSON.stringify(body)}` : undefined;
  }
  const isDead = end?.confirmed !== undefined && end.confirmed.at < sentAt;
  return isDead ? 'new tokens of a grant that had ended' : undefined;
}
