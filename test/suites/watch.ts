/** What the tests of real programs need beside them: the person who signs in, and a look at the wire. */
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import { ada } from '../support/authorize.ts';
import type { Passed, RoundRobin } from '../support/round-robin.ts';

/**
 * Goes where a client sends the person, approves, signs in, and brings the answer back to the client.
 * @returns the redirect URI
 */
export async function signInFor(authorizationUrl: string): Promise<string> {
  const redirectUri = new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '';
  await fetch(await new ScriptedBrowser().connect(authorizationUrl, { ...ada, redirectUri }));
  return redirectUri;
}

export interface Watched {
  readonly all: readonly Passed[];
  /** `POST /mcp 200` */
  readonly lines: readonly string[];
}

/** What passes the front while something is done. */
export async function watch(front: RoundRobin, work: () => Promise<unknown>): Promise<Watched> {
  const since = front.passed.length;
  await work();
  const all = front.passed.slice(since);
  return { all, lines: all.map(({ method, path, status }) => `${method} ${path} ${status}`) };
}
