/** The server in docs/for-server-authors, as it is, behind the proxy and with real clients. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startVisits } from '../../docs/for-server-authors/server.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { connectV1, connectV2 } from './mcp-client.ts';

const server = startVisits(0);
let site: Site;
beforeAll(async () => {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  site = await startSite(databaseKinds[0] ?? 'embedded', {
    environment: { MCP_SERVER_URL: `http://127.0.0.1:${port}/mcp` },
  });
});
afterAll(async () => {
  await site.close();
  server.closeAllConnections();
  server.close();
});

describe.each([
  ['SDK 1.32', connectV1],
  ['SDK 2.4, newest revision', connectV2('auto')],
  ['SDK 2.4, older revision', connectV2('legacy')],
])('%s', (name, connect) => {
  test('the server knows who calls, and keeps people apart', async () => {
    const as = async (person: string) =>
      connect(new URL('/mcp', site.front.origin), {
        person: { name: person, email: `${name.replaceAll(/\W/g, '')}.${person.length}@example.com` },
      });
    const zoe = await as('Zoë 王小明');
    const bob = await as('Bob');

    expect(await zoe.call('whoami')).toEqual({ user: expect.stringMatching(/./), name: 'Zoë 王小明' });
    expect(await zoe.call('visit')).toEqual({ count: 1 });
    expect(await zoe.call('visit')).toEqual({ count: 2 });
    expect(await bob.call('visit')).toEqual({ count: 1 });
    await zoe.close();
    await bob.close();
  });
});

test('it takes nobody at their word who comes around the proxy without the headers', async () => {
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}',
  });
  expect(await answer.text()).toContain('did not come through the proxy');
});
