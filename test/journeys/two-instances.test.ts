import { expect, test } from 'vitest';
import { callMcp, refresh, register, signIn, tokensOf } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { startSite } from '../support/instances.ts';
import { remote } from './remote.ts';

test('smoke', async () => {
  const site = await startSite(databaseKinds[0] ?? 'embedded', { instances: 2 });
  const proxy = remote(site.front.origin);
  const client = await register(proxy);
  const tokens = await signIn(proxy, client);
  console.log((await callMcp(proxy, tokens.accessToken, { method: 'POST' })).body);
  const again = tokensOf(await refresh(proxy, client, tokens.refreshToken));
  console.log(
    site.front.passed.map((p) => `${p.method} ${p.path} ${p.target} ${p.status}`),
    again.scope,
  );
  console.log(site.provider.passed.map((p) => `${p.method} ${p.path} ${p.target} ${p.status}`));
  await site.close();
  expect(1).toBe(1);
});
