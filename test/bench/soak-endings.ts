/** How the soak's people and clients end what they had allowed, each answer judged. */
import { setTimeout } from 'node:timers/promises';
import type { Parameters } from '../support/browser.ts';
import type { End } from './soak-judge.ts';
import type { Grant } from './soak-people.ts';
import { exchangeForm, identify, post, retryMs, type TokenWorld } from './soak-tokens.ts';

/** The ways in which a client, or somebody with its secrets, ends what it has. */
export type Ending = 'revoke the grant' | 'revoke the token' | 'code again' | 'refresh token again';

export function possibleEndings(soak: TokenWorld, { code, spent }: Grant): readonly Ending[] {
  const now = performance.now();
  const isOver = spent !== undefined && now > spent.at + soak.graceSeconds * 1000 + 2_000;
  return [
    'revoke the grant',
    'revoke the token',
    ...(now < code.madeAt + 20_000 ? ['code again' as const] : []),
    ...(isOver ? ['refresh token again' as const] : []),
  ];
}

/** Asks until it is confirmed. Undefined: the soak was over before. */
export async function endAccess(soak: TokenWorld, grant: Grant, how: Ending): Promise<End | undefined> {
  const token = grant.tokens.at(-1);
  const end: End = { askedAt: performance.now() };
  if (how === 'revoke the token' && token !== undefined) token.end = end;
  else grant.end = end;
  const spent = grant.spent?.refreshToken;
  let isRepeated = false;
  for (;;) {
    const instance = soak.chooseInstance();
    const answered = await post(soak, how, how.startsWith('revoke') ? '/revoke' : '/token', {
      form: endingForm(grant, how, { token: token?.value, spent }),
      instance,
    });
    const wanted = how.startsWith('revoke') ? 200 : 400;
    if (answered !== undefined) {
      if (answered.status !== wanted)
        soak.ledger.judge(how, `${answered.status} ${JSON.stringify(answered.body)}`);
      // Asked again because an answer was lost, only /revoke promises that it has heard of the first time.
      const isHeard = how.startsWith('revoke') || !isRepeated;
      end.confirmed = { at: answered.endedAt, instance: isHeard ? instance : undefined };
      return end;
    }
    if (soak.isOver()) return undefined;
    isRepeated = true;
    await setTimeout(retryMs);
  }
}

function endingForm(
  grant: Grant,
  how: Ending,
  { token, spent }: { readonly token: string | undefined; readonly spent: string | undefined },
): Parameters {
  const client = identify(grant.client);
  if (how === 'revoke the grant') return { token: grant.refreshToken, ...client };
  if (how === 'revoke the token') return { token, ...client };
  if (how === 'code again') return exchangeForm(grant);
  return { grant_type: 'refresh_token', refresh_token: spent, ...client };
}
