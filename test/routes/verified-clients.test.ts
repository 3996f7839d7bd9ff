/** Each client of the catalogue registers as it does, and its consent page says what its callback proves (clients.md P10). */
import { beforeAll, expect, test } from 'vitest';
import { knownClients } from '../../src/protocol/known-clients.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { askConsent, authorize, redeem, register, registerByOperator } from '../support/authorize.ts';
import { textOf } from '../support/html.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});

async function consentText(metadata: Record<string, unknown>): Promise<string> {
  const { page } = await askConsent(proxy, await register(proxy, metadata));
  return textOf(page);
}

const callbacks = knownClients.flatMap(
  ({ name, vendor, vendorCallbacks = [], sharedCallbacks = [], localCallbacks = [] }) =>
    [
      ...vendorCallbacks.map((uri) => ['Verified', uri, `belongs to ${vendor}`] as const),
      ...sharedCallbacks.map((uri) => ['Not verified', uri, 'hands the answer on'] as const),
      ...localCallbacks.map((uri) => ['Not verified', uri, 'Any app can take any name'] as const),
    ].map(([mark, uri, words]) => [name, mark, uri.replace('{id}', 'acme-5fnotes'), words] as const),
);

test.each(callbacks)('%s is %s at %s', async (client_name, mark, uri, words) => {
  const text = await consentText({ client_name, redirect_uris: [uri] });

  expect(text).toContain(words);
  expect(text.includes('Not verified')).toBe(mark === 'Not verified');
  expect(text).toContain('irst registered here on');
  expect(text).not.toContain('probably not');
});

test.each(['Claude', 'СlаudеАI Claude', 'Chat GPT', 'Anthropic'])(
  '%j with a stranger’s callback is called out, and nothing on the page says "Verified"',
  async (client_name) => {
    const text = await consentText({ client_name, redirect_uris: ['https://evil.example/cb'] });

    expect(text).toMatch(/This is probably not (Claude|ChatGPT) \./);
    expect(text.replaceAll('Not verified', '')).not.toContain('Verified');
    expect(text).toContain('evil.example');
  },
);

test('of an imitation the person can still say yes: it is their decision', async () => {
  const client = await register(proxy, { client_name: 'Claude', redirect_uris: ['https://own.example/cb'] });
  expect((await redeem(proxy, client, await authorize(proxy, client))).statusCode).toBe(200);
});

test('a client that the operator made is verified under its name, wherever its answer goes', async () => {
  const client = await registerByOperator(proxy, { client_name: 'Claude for Acme' });
  const text = textOf((await askConsent(proxy, client)).page);

  expect(text).toContain('Claude for Acme Verified');
  expect(text).toContain('The people who run this server added it');
});
