/** Doctor, at the identity provider: a certified one, and pages as others show them. Nobody signs in. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Report } from '../../src/doctor/finding.ts';
import { checkProviders } from '../../src/doctor/check-provider.ts';
import { sampleClient, startSampleProvider } from '../support/sample-provider.ts';

const baseUrl = 'https://mcp.example.com';

async function look(changes: Readonly<Record<string, string>>): Promise<Report> {
  const report = new Report();
  const config = loadConfig({
    MCP_SERVER_URL: 'http://127.0.0.1:1/mcp',
    BASE_URL: baseUrl,
    OAUTH_CLIENT_ID: sampleClient.clientId,
    OAUTH_CLIENT_SECRET: sampleClient.clientSecret,
    ...changes,
  });
  await checkProviders(config, report);
  return report;
}

function idsOf(report: Report): string[] {
  return report.findings.map(({ id }) => id);
}

async function startProvider(): Promise<string> {
  const { issuer, close } = await startSampleProvider({ redirectUris: [`${baseUrl}/callback`] });
  onTestFinished(close);
  return issuer;
}

test('a provider that knows us is fine, and the secret is seen to be accepted (RFC 6749 §5.2)', async () => {
  const report = await look({ OAUTH_AUTHORIZE_URL: await startProvider() });
  expect(report.findings).toEqual([]);
  expect(report.unknowns).toEqual([]);
  expect(report.passes.map(({ text }) => text)).toEqual([
    expect.stringContaining('was found'),
    expect.stringContaining('takes the client ID and secret'),
    expect.stringContaining('knows the redirect URI'),
  ]);
});

/** A provider of a few lines. `authorize`: what it answers there. */
async function startLookalike(
  authorize: (asked: URL) => { readonly status: number; readonly location?: string; readonly page?: string },
  date?: string,
): Promise<string> {
  const server = createServer((request: IncomingMessage, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    if (date !== undefined) response.setHeader('date', date);
    if (url.pathname === '/token') {
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
    } else if (url.pathname.startsWith('/authorize')) {
      const { status, location, page } = authorize(url);
      response.writeHead(status, location === undefined ? {} : { location }).end(page);
    } else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/authorize`;
}

const googleError = Buffer.from('\n\u0015redirect_uri_mismatch\u0012\u00b0').toString('base64');

test.each([
  [
    'provider.redirect-uri-refused',
    'as Google shows it',
    () => ({ status: 302, location: `/authorize/oauth/error?authError=${encodeURIComponent(googleError)}` }),
  ],
  [
    'provider.redirect-uri-refused',
    'as Microsoft shows it',
    () => ({ status: 200, page: 'AADSTS50011: The redirect URI … does not match' }),
  ],
  [
    'provider.client-unknown',
    'as Microsoft shows it',
    () => ({ status: 200, page: 'AADSTS700016: Application was not found in the directory' }),
  ],
  [
    'provider.request-refused',
    'as an answer to us (RFC 6749 §4.1.2.1)',
    () => ({ status: 302, location: `${baseUrl}/callback?error=invalid_scope&state=x` }),
  ],
])('%s, %s', async (id, _how, answer) => {
  const url = await startLookalike((asked) =>
    asked.pathname === '/authorize' ? answer() : { status: 400, page: 'Access blocked' },
  );
  expect(idsOf(await look({ OAUTH_AUTHORIZE_URL: url }))).toEqual([id]);
});

test('a page that only repeats our request says nothing against it', async () => {
  const url = await startLookalike(({ search }) => ({
    status: 200,
    page: `<form action="/sign-in?${search.slice(1).replaceAll('&', '&amp;')}">`,
  }));
  expect((await look({ OAUTH_AUTHORIZE_URL: url })).findings).toEqual([]);
});

test('a wall against bots that repeats our request says nothing about the redirect URI', async () => {
  const url = await startLookalike(({ pathname, search }) => ({
    status: 403,
    page: `Checking your browser before ${pathname}${search} redirect_uri`,
  }));
  const report = await look({ OAUTH_AUTHORIZE_URL: url });
  expect(report.findings).toEqual([]);
  expect(report.unknowns.map(({ text }) => text).join()).toContain('answered 403');
});

test('a clock that is minutes away', async () => {
  const url = await startLookalike(() => ({ status: 200 }), new Date(Date.now() - 600_000).toUTCString());
  const report = await look({ OAUTH_AUTHORIZE_URL: url });
  expect(idsOf(report)).toEqual(['provider.clock']);
  expect(report.findings[0]?.details.join()).toMatch(/(599|600|601) s behind/);
});
