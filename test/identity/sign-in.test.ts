/** Signing in at a real, certified OpenID provider. */
import { afterEach, expect, test } from 'vitest';
import { createIdentityProvider } from '../../src/identity/create-identity-provider.ts';
import { openBrowser, sampleClient, signInAt, startSampleProvider } from '../support/sample-provider.ts';

const secrets = {
  state: 'a'.repeat(43),
  nonce: 'b'.repeat(43),
  codeVerifier: 'c'.repeat(43),
  redirectUri: sampleClient.redirectUri,
};
const ada = { name: 'Ada Lovelace', email: 'ada@example.com' };

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

test('good', async () => {
  const sample = await startSampleProvider();
  closing.push(sample.close);
  const provider = createIdentityProvider(
    { id: 'oauth', url: new URL(sample.issuer), ...sampleClient },
    { clock: () => new Date(), onStatus: (s) => console.log(s) },
  );
  provider.start();
  const url = await provider.signInUrl({ ...secrets, scopes: ['openid', 'email'] });
  console.log(url.href);
  const answer = await signInAt(url, ada, openBrowser());
  const result = await provider.completeSignIn(answer, secrets);
  console.log(result);
  const r = await provider.refresh(result.tokens.refreshToken!);
  console.log(r);
  await expect(provider.refresh(result.tokens.refreshToken!)).rejects.toThrow('x');
});
