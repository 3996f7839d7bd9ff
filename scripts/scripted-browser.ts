/** A browser for scripts and tests: cookies, redirects and forms as in a real one, no pictures and no JavaScript. */
import { CookieJar } from './cookie-jar.ts';
import { type Form, readForms, readTitle } from './page-forms.ts';

export interface Page {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly html: string;
}

export interface Person {
  readonly name: string;
  readonly email: string;
}

/** One request that it sent. */
export interface Visited {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
}

/** A person stopped here: the message says on which page, and why. */
export class BrowserError extends Error {
  override readonly name = 'BrowserError';
}

/** How far the pages of one navigation are from each other, the nearest first (Fetch Metadata §2.4). */
const distances = ['none', 'same-origin', 'same-site', 'cross-site'] as const;
type Distance = (typeof distances)[number];

/** What a person caused: redirects behind it keep the greatest distance so far. */
interface Navigation {
  /** The page that it started from; undefined when the address was typed. */
  readonly from: URL | undefined;
  distance: Distance;
}

/** What a browser asks for when a person opens a page. */
const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

/** As many as browsers follow (Fetch §4.4). */
const maxRedirects = 20;
const maxForms = 10;

/** One tab. */
export class ScriptedBrowser {
  readonly #cookies: CookieJar;
  #navigation: Navigation = { from: undefined, distance: 'none' };
  readonly #history: Visited[] = [];

  /** @param options.now the clock for cookies, in milliseconds since 1970 */
  constructor(options: { readonly now?: () => number } = {}) {
    this.#cookies = new CookieJar(options.now ?? Date.now);
  }

  /** Every request so far. */
  get history(): readonly Visited[] {
    return this.#history;
  }

  /** Opens an address as if it had been typed. A redirect is the answer: see {@link follow}. */
  async open(url: string): Promise<Page> {
    this.#navigation = { from: undefined, distance: 'none' };
    return this.#send(new URL(url), 'GET');
  }

  /**
   * Sends the form of a page that has all the names in `values`, filled with them; a button among them is the one
   * pressed. A redirect is the answer: see {@link follow}.
   * @throws BrowserError when there is no such form
   */
  async submit(page: Page, values: Readonly<Record<string, string>>): Promise<Page> {
    const form = readForms(page.html, page.url).find((candidate) => accepts(candidate, values));
    if (form === undefined) {
      throw new BrowserError(`There is no form for ${Object.keys(values).join(', ')} on ${describe(page)}`);
    }
    const sent = new URLSearchParams([...form.fields, ...defaultButton(form, values)]);
    for (const [name, value] of Object.entries(values)) sent.set(name, value);
    this.#navigation = { from: new URL(page.url), distance: 'same-origin' };
    if (form.method === 'POST') return this.#send(new URL(form.action), 'POST', { page, sent });
    const url = new URL(form.action);
    url.search = sent.toString();
    return this.#send(url, 'GET');
  }

  /**
   * Follows redirects from an answer to the first page, or until one leads to `until`, which is returned as a URL and
   * not opened.
   */
  async follow(answer: Page, until?: string): Promise<Page | URL> {
    let current = answer;
    for (let count = 0; count < maxRedirects; count += 1) {
      const location = current.headers.get('location');
      if (current.status < 300 || current.status > 399 || location === null) return current;
      const next = new URL(location, current.url);
      if (until !== undefined && isAt(next, until)) return next;
      current = await this.#send(next, 'GET');
    }
    throw new BrowserError(`There are more than ${maxRedirects} redirects, the last at ${describe(current)}`);
  }

  /**
   * Walks from an authorization URL over the consent page and the sample identity provider's sign-in form.
   * @returns the address at which the client gets its answer; it is not opened
   * @throws BrowserError naming the page on which there was no way on
   */
  async connect(
    authorizationUrl: string,
    options: Person & { readonly redirectUri: string; readonly decision?: 'approve' | 'deny' },
  ): Promise<URL> {
    const { name, email, redirectUri, decision = 'approve' } = options;
    let at = await this.follow(await this.open(authorizationUrl), redirectUri);
    for (let count = 0; count < maxForms; count += 1) {
      if (at instanceof URL) return at;
      if (at.status >= 400) throw new BrowserError(`Stopped at ${describe(at)}`);
      const { html, url } = at;
      const answers = [{ decision }, { name, email }];
      const answer = answers.find((values) => readForms(html, url).some((form) => accepts(form, values)));
      if (answer === undefined) {
        throw new BrowserError(`There is no consent and no sample sign-in form on ${describe(at)}`);
      }
      at = await this.follow(await this.submit(at, answer), redirectUri);
    }
    throw new BrowserError(`Forms come back again and again${at instanceof URL ? '' : `: ${describe(at)}`}`);
  }

  async #send(
    url: URL,
    method: 'GET' | 'POST',
    form?: { readonly page: Page; readonly sent: URLSearchParams },
  ): Promise<Page> {
    const navigation = this.#navigation;
    navigation.distance = farther(navigation.distance, distanceOf(navigation.from, url));
    const cookie = this.#cookies.header({ url, method, isCrossSite: navigation.distance === 'cross-site' });
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        accept,
        'upgrade-insecure-requests': '1',
        'sec-fetch-site': navigation.distance,
        ...(form && { origin: originOf(form.page) }),
        ...(cookie !== undefined && { cookie }),
      },
      ...(form && { body: form.sent }),
    });
    this.#cookies.store(url, response.headers.getSetCookie());
    this.#history.push({ method, url, status: response.status });
    const { status, headers } = response;
    return { status, url: url.href, headers, html: await response.text() };
  }
}

/** A browser never sends a field that is not there, nor presses a button with another value. */
function accepts(form: Form, values: Readonly<Record<string, string>>): boolean {
  return Object.entries(values).every(
    ([name, value]) =>
      form.fields.has(name) || form.buttons.some((button) => button.name === name && button.value === value),
  );
}

/** With no button named, the first one is pressed, as by the enter key (HTML §4.10.21.2). */
function defaultButton(form: Form, values: Readonly<Record<string, string>>): readonly [string, string][] {
  const [first] = form.buttons;
  const isNamed = form.buttons.some(({ name }) => name in values);
  return first === undefined || first.name === '' || isNamed ? [] : [[first.name, first.value]];
}

/** The `Origin` of a form: a page that sends no referrer sends none of these either (Fetch §3.2). */
function originOf(page: Page): string {
  return page.headers.get('referrer-policy') === 'no-referrer' ? 'null' : new URL(page.url).origin;
}

function distanceOf(from: URL | undefined, to: URL): Distance {
  if (from === undefined) return 'none';
  if (from.origin === to.origin) return 'same-origin';
  return from.protocol === to.protocol && from.hostname === to.hostname ? 'same-site' : 'cross-site';
}

function farther(a: Distance, b: Distance): Distance {
  return distances.indexOf(a) > distances.indexOf(b) ? a : b;
}

/** Whether an address is the redirect URI, with an answer behind it or without. */
function isAt(url: URL, redirectUri: string): boolean {
  const { href } = new URL(redirectUri);
  return url.href === href || url.href.startsWith(`${href}${href.includes('?') ? '&' : '?'}`);
}

/** `http://localhost:8080/authorize (400, "This app is not known")` */
function describe({ url, status, html }: Page): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname} (${status}, "${readTitle(html) ?? html.slice(0, 120)}")`;
}
