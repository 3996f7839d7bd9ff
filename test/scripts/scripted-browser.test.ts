/** The scripted browser: it sends what a real one sends, and says where it got stuck. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Page, ScriptedBrowser } from '../../scripts/scripted-browser.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly html?: string;
}

const seen: Seen[] = [];
let answers: Readonly<Record<string, Answer>> = {};

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, headers, body });
    const { status = 200, headers: own, html = '' } = answers[`${method} ${url}`] ?? { status: 404 };
    response.writeHead(status, { 'content-type': 'text/html', ...own }).end(html);
  });
});
let port: number;
let here: string;
let there: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  here = `http://127.0.0.1:${port}`;
  there = `http://localhost:${port}`;
});
afterEach(() => void seen.splice(0));
afterAll(() => void server.close());

const ada = { name: 'Ada', email: 'ada@example.com' };
const redirectUri = 'http://127.0.0.1:1/callback';
const toClient = { status: 303, headers: { location: `${redirectUri}?code=c&state=s` } };
const consent = `<title>Allow &amp; go</title><form method="post" action="/consent">
  <input type="hidden" name="request_id" value="&lt;r&gt;&amp;&quot;1&#39;&#x2713;">
  <button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button></form>`;
const signIn = `<form method="post"><input name="name" value="x" required /><input name="email">
  <button type="submit">Sign in</button><button name="cancel" value="yes">Cancel</button></form>`;

describe('submit', () => {
  it('sends the fields of the form with entities decoded, and the button that was pressed', async () => {
    answers = { 'GET /': { html: consent }, 'POST /consent': {} };
    const browser = new ScriptedBrowser();

    await browser.submit(await browser.open(`${here}/`), { decision: 'deny' });

    expect(seen.at(-1)).toMatchObject({ method: 'POST', path: '/consent' });
    expect([...new URLSearchParams(seen.at(-1)?.body)]).toEqual([
      ['request_id', `<r>&"1'✓`],
      ['decision', 'deny'],
    ]);
  });

  it('presses the first button when none is named (HTML §4.10.21.2)', async () => {
    answers = {
      'GET /': { html: consent.replace('name="request_id"', 'name="note"') },
      'POST /consent': {},
    };
    const browser = new ScriptedBrowser();

    await browser.submit(await browser.open(`${here}/`), { note: 'ä' });

    expect(seen.at(-1)?.body).toBe('note=%C3%A4&decision=approve');
  });

  it('sends a form without a method as a query, and boxes only when they are ticked', async () => {
    const html = `<!-- <form action="/no"><input name=q></form> --><form action='/find?old=1'><input name=q>
      <input type="checkbox" name="on" checked><input type="checkbox" name="off"></form>`;
    answers = { 'GET /': { html }, 'GET /find?q=x&on=on': { html: 'found' } };
    const browser = new ScriptedBrowser();

    const found = await browser.submit(await browser.open(`${here}/`), { q: 'x' });

    expect(found.html).toBe('found');
  });

  it.each([{ nothing: 'x' }, { decision: 'maybe' }])(
    'refuses %o, which is not on the page',
    async (values) => {
      answers = { 'GET /': { html: consent } };
      const browser = new ScriptedBrowser();
      const page = await browser.open(`${here}/`);

      await expect(browser.submit(page, values)).rejects.toThrow(
        `There is no form for ${Object.keys(values)[0]} on ${here}/ (200, "Allow & go")`,
      );
    },
  );
});

describe('what the server is told', () => {
  it('Sec-Fetch-Site is the greatest distance on the way, and none for a typed address (Fetch Metadata §2.4)', async () => {
    answers = {
      'GET /': { html: consent },
      'POST /consent': { status: 303, headers: { location: `${there}/elsewhere` } },
      'GET /elsewhere': { status: 303, headers: { location: `${here}/back` } },
      'GET /back': {},
    };
    const browser = new ScriptedBrowser();

    await browser.follow(await browser.submit(await browser.open(`${here}/`), { decision: 'approve' }));

    expect(seen.map(({ path, headers }) => [path, headers['sec-fetch-site']])).toEqual([
      ['/', 'none'],
      ['/consent', 'same-origin'],
      ['/elsewhere', 'cross-site'],
      ['/back', 'cross-site'],
    ]);
  });

  it.each([
    { policy: {}, isNull: false },
    { policy: { 'referrer-policy': 'no-referrer' }, isNull: true },
  ])('Origin of a form on a page with $policy (Fetch §3.2)', async ({ policy, isNull }) => {
    answers = { 'GET /': { html: consent, headers: { ...policy } }, 'POST /consent': {} };
    const browser = new ScriptedBrowser();

    await browser.submit(await browser.open(`${here}/`), { decision: 'approve' });

    expect(seen[0]?.headers.origin).toBeUndefined();
    expect(seen[1]?.headers.origin).toBe(isNull ? 'null' : here);
  });

  it('cookies come back to the host that set them', async () => {
    answers = {
      'GET /': { status: 303, headers: { 'set-cookie': 'a=1; Path=/', location: '/next' } },
      'GET /next': { status: 303, headers: { location: `${there}/last` } },
      'GET /last': {},
    };
    const browser = new ScriptedBrowser();

    await browser.follow(await browser.open(`${here}/`));

    expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, 'a=1', undefined]);
  });
});

describe('connect', () => {
  it('approves, signs in, and returns the client’s address without opening it', async () => {
    answers = {
      'GET /authorize': { html: consent },
      'POST /consent': { status: 303, headers: { location: `${there}/sign-in` } },
      'GET /sign-in': { html: signIn },
      'POST /sign-in': toClient,
    };
    const browser = new ScriptedBrowser();

    const returned = await browser.connect(`${here}/authorize`, { ...ada, redirectUri });

    expect(returned.href).toBe(`${redirectUri}?code=c&state=s`);
    expect(seen.at(-1)?.body).toBe('name=Ada&email=ada%40example.com');
    expect(browser.history.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'GET 200',
      'POST 303',
      'GET 200',
      'POST 303',
    ]);
  });

  it.each([
    { uri: 'cursor://anysphere.cursor-mcp/oauth/callback', answer: '?code=c' },
    { uri: 'https://client.example/cb?x=1', answer: '&code=c' },
    { uri: 'http://127.0.0.1:1', answer: '?code=c' },
  ])('knows the redirect URI $uri in the answer', async ({ uri, answer }) => {
    answers = { 'GET /authorize': { status: 303, headers: { location: uri + answer } } };

    const returned = await new ScriptedBrowser().connect(`${here}/authorize`, { ...ada, redirectUri: uri });

    expect(returned.searchParams.get('code')).toBe('c');
  });

  it.each([
    { page: { status: 400, html: '<title>Not known</title>' }, says: '/authorize (400, "Not known")' },
    { page: { html: 'hello' }, says: 'no consent and no sample sign-in form on' },
    {
      page: { html: '<form><input name="password"></form>' },
      says: 'no consent and no sample sign-in form on',
    },
    { page: { status: 303, headers: { location: '/authorize' } }, says: 'more than 20 redirects' },
    { page: { html: signIn }, says: 'Forms come back again and again: ' },
  ] satisfies { page: Answer; says: string }[])('says where it got stuck: $says', async ({ page, says }) => {
    answers = { 'GET /authorize': page, 'POST /authorize': page };

    const connecting = new ScriptedBrowser().connect(`${here}/authorize`, { ...ada, redirectUri });

    await expect(connecting).rejects.toThrow(says);
  });

  it('does not take another address for the redirect URI because it begins alike', async () => {
    answers = { 'GET /authorize': { status: 303, headers: { location: `${here}/callback-not` } } };
    const browser = new ScriptedBrowser();

    const at = await browser.follow(await browser.open(`${here}/authorize`), `${here}/callback`);

    expect((at as Page).status).toBe(404);
  });
});
