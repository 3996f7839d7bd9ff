/** A browser for scripts and tests: cookies, redirects and forms, no pictures and no JavaScript. */

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

interface Form {
  readonly method: string;
  readonly action: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly buttons: readonly { readonly name: string; readonly value: string }[];
}

const maxSteps = 20;

/** What a browser asks for when a person opens a page. */
const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

export class ScriptedBrowser {
  /** Cookies by host: as in a browser, all ports of a host share them. */
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Opens an address and stays there: a redirect is not followed. */
  async open(url: string): Promise<Page> {
    return this.#request(url, 'GET', undefined, 'none');
  }

  /** Sends the form of a page, filled with `values`; a button that is named in them is the one pressed. */
  async submit(page: Page, values: Readonly<Record<string, string>>): Promise<Page> {
    const form = readForm(page);
    if (form === undefined) throw new Error(`There is no form on ${describe(page)}`);
    const fields = new URLSearchParams([...form.fields]);
    for (const [name, value] of Object.entries(values)) fields.set(name, value);
    const site = new URL(form.action).origin === new URL(page.url).origin ? 'same-origin' : 'cross-site';
    if (form.method === 'GET')
      return this.#request(`${form.action}?${fields.toString()}`, 'GET', undefined, site);
    return this.#request(form.action, 'POST', fields, site);
  }

  /** Follows redirects from a page until one leads to `until`, which is returned and not opened, or none is left. */
  async follow(page: Page, until?: string): Promise<Page | URL> {
    let current = page;
    for (let step = 0; step < maxSteps; step += 1) {
      const location = current.headers.get('location');
      if (current.status < 300 || current.status > 399 || location === null) return current;
      const next = new URL(location, current.url);
      if (until !== undefined && isAt(next, until)) return next;
      current = await this.#request(next.href, 'GET', undefined, 'cross-site');
    }
    throw new Error(`Too many redirects, the last to ${describe(current)}`);
  }

  /**
   * Walks from an authorization URL through consent and sign-in, as a person would.
   * Returns where the client is sent; that address is not opened.
   */
  async connect(
    authorizationUrl: string,
    options: Person & { readonly redirectUri: string; readonly decision?: 'approve' | 'deny' },
  ): Promise<URL> {
    let at = await this.follow(await this.open(authorizationUrl), options.redirectUri);
    for (let step = 0; step < maxSteps && !(at instanceof URL); step += 1) {
      if (at.status >= 400) throw new Error(`Stopped at ${describe(at)}`);
      const answer = await this.submit(at, answersFor(at, options));
      at = await this.follow(answer, options.redirectUri);
    }
    if (at instanceof URL) return at;
    throw new Error(`Stuck at ${describe(at)}`);
  }

  async #request(
    url: string,
    method: string,
    body: URLSearchParams | undefined,
    site: string,
  ): Promise<Page> {
    const target = new URL(url);
    const cookies = this.#cookiesOf(target);
    const response = await fetch(target, {
      method,
      redirect: 'manual',
      headers: {
        accept,
        'sec-fetch-site': site,
        ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(cookies.size === 0
          ? {}
          : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
      },
      ...(body === undefined ? {} : { body }),
    });
    for (const header of response.headers.getSetCookie()) storeCookie(cookies, header);
    return {
      status: response.status,
      url: target.href,
      headers: response.headers,
      html: await response.text(),
    };
  }

  #cookiesOf({ hostname }: URL): Map<string, string> {
    const cookies = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, cookies);
    return cookies;
  }
}

function storeCookie(cookies: Map<string, string>, header: string): void {
  const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
  const [name = ''] = pair.split('=', 1);
  const isOver = attributes.some((attribute) => {
    const [key = '', value = ''] = attribute.split('=');
    if (/^max-age$/i.test(key)) return Number(value) <= 0;
    return /^expires$/i.test(key) && Date.parse(attribute.slice(key.length + 1)) <= Date.now();
  });
  if (isOver) cookies.delete(name);
  else cookies.set(name, pair.slice(name.length + 1));
}

/** What a person enters: the decision on a consent page, name and e-mail on a sign-in form. */
function answersFor(
  page: Page,
  options: Person & { readonly decision?: 'approve' | 'deny' },
): Readonly<Record<string, string>> {
  const form = readForm(page);
  if (form?.buttons.some(({ name }) => name === 'decision') === true)
    return { decision: options.decision ?? 'approve' };
  return { name: options.name, email: options.email };
}

function readForm(page: Page): Form | undefined {
  const match = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.html);
  if (match === null) return undefined;
  const [, attributes = '', content = ''] = match;
  const inputs = [...content.matchAll(/<input\b([^>]*)>/gi)].map(([, text = '']) => text);
  const buttons = [...content.matchAll(/<button\b([^>]*)>/gi)].map(([, text = '']) => text);
  return {
    method: (attribute(attributes, 'method') ?? 'get').toUpperCase(),
    action: new URL(attribute(attributes, 'action') ?? page.url, page.url).href,
    fields: new Map(inputs.map((input) => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? ''])),
    buttons: buttons.map((button) => ({
      name: attribute(button, 'name') ?? '',
      value: attribute(button, 'value') ?? '',
    })),
  };
}

function attribute(text: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`, 'i').exec(text);
  return match?.[1] === undefined ? undefined : decodeEntities(match[1]);
}

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function decodeEntities(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, entity: string) => {
    if (!entity.startsWith('#')) return entities.get(entity) ?? whole;
    const isHex = /^#x/i.test(entity);
    return String.fromCodePoint(Number.parseInt(entity.slice(isHex ? 2 : 1), isHex ? 16 : 10));
  });
}

/** Whether an address is the redirect URI with a query behind it. */
function isAt(url: URL, redirectUri: string): boolean {
  return (
    url.href === redirectUri || url.href.startsWith(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}`)
  );
}

function describe(page: Page): string {
  const title = /<title>([^<]*)<\/title>/i.exec(page.html)?.[1] ?? page.html.slice(0, 120);
  return `${new URL(page.url).origin}${new URL(page.url).pathname} (${page.status}, "${decodeEntities(title.trim())}")`;
}
