/** The whole way of a person whose provider is played by a look-alike under its public name. */
import type { Answer, TestApp } from './app.ts';
import {
  approve,
  askConsent,
  type Asked,
  redeem,
  type TestClient,
  type Tokens,
  tokensOf,
} from './authorize.ts';
import type { Browser, Parameters } from './browser.ts';
import { linksOf } from './html.ts';
import { type PublicHosts, visit } from './lookalikes/public-hosts.ts';

export interface SignInWith {
  readonly proxy: TestApp;
  readonly hosts: PublicHosts;
  readonly client: TestClient;
  readonly parameters?: Parameters;
  /** The one that is chosen, where there are several. */
  readonly provider?: string;
  readonly browser?: Browser;
}

export interface Returned extends Asked {
  /** The authorization request that the provider got. */
  readonly sent: URL;
  /** What the browser got when it came back. */
  readonly answer: Answer;
}

/** Up to the answer at `/callback`. */
export async function comeBack(way: SignInWith): Promise<Returned> {
  const asked = await askConsent(way.proxy, way.client, way.parameters, way.browser);
  const sent = await approve(asked, way.provider);
  const returned = await visit(way.hosts, sent);
  const answer = await asked.browser.get(`${returned.pathname}${returned.search}`);
  return { ...asked, sent, answer };
}

/** Up to the first tokens. */
export async function signInWith(way: SignInWith): Promise<Tokens & { readonly returned: Returned }> {
  const returned = await comeBack(way);
  const code = new URL(String(returned.answer.headers.location)).searchParams.get('code');
  if (code === null) throw new Error(`no code: ${String(returned.answer.headers.location)}`);
  return { ...tokensOf(await redeem(way.proxy, way.client, { ...returned, code })), returned };
}

/** The parameters that a client is sent back with: at once, or by the last link of the page that the person sees. */
export function answerToClient({ answer }: Pick<Returned, 'answer'>): Readonly<Record<string, string>> {
  const location = answer.headers.location ?? linksOf(answer).at(-1);
  return Object.fromEntries(new URL(String(location)).searchParams);
}
