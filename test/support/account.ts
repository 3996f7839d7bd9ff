/** What people do at `/account`, in verbs: sign in, look, end. */
import type { Answer, TestApp } from './app.ts';
import { ada, locationOf } from './authorize.ts';
import { type Browser, openBrowser } from './browser.ts';
import { textOf } from './html.ts';
import { type Person, signInAt } from './sample-provider.ts';

/** Presses "Sign in"; returns where the browser is sent. */
export async function beginAccount(
  browser: Browser,
  form: Readonly<Record<string, string>> = {},
): Promise<URL> {
  return locationOf(await browser.submit('/account/sign-in', form));
}

/** Signs in, up to the page. */
export async function openAccount(
  proxy: TestApp,
  person: Person = ada,
  browser = openBrowser(proxy),
): Promise<{ readonly browser: Browser; readonly page: Answer }> {
  const returned = await signInAt(await beginAccount(browser), person);
  const answer = await browser.get(`${returned.pathname}${returned.search}`);
  if (answer.statusCode !== 303) throw new Error(`not signed in: ${textOf(answer)}`);
  return { browser, page: await browser.get('/account') };
}

export interface AccountForms {
  readonly token: string;
  /** The apps that can be ended, by client id. */
  readonly apps: readonly string[];
  /** The connections that can be ended by themselves. */
  readonly connections: readonly string[];
}

export function formsOf({ body }: Answer): AccountForms {
  const values = (name: string): string[] =>
    [...body.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].map(([, value = '']) => value);
  return {
    token: values('form_token')[0] ?? '',
    apps: values('app'),
    connections: values('connection'),
  };
}

/** Ends something by its form, as the page that is open now has it. */
export async function end(browser: Browser, what: Readonly<Record<string, string>>): Promise<Answer> {
  const { token } = formsOf(await browser.get('/account'));
  return browser.submit('/account/end', { form_token: token, ...what });
}
