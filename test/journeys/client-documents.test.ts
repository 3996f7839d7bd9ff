/** Real MCP clients that are the URL of a document, and never register (MCP client registration, protocol.md 75). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseKinds } from '../support/database.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { describeTls } from '../support/tls.ts';
import { type Site, startSite } from '../support/instances.ts';
import { connectV2 } from './mcp-client.ts';

const person = { name: 'Ada Lovelace', email: 'ada@example.com' };

describeTls('a client metadata document (needs the program openssl)', () => {
  let host: DocumentHost;
  let site: Site;
  beforeAll(async () => {
    host = await startDocumentHost();
    const kind = databaseKinds[0] ?? 'embedded';
    site = await startSite(kind, {
      instances: kind === 'postgres' ? 2 : 1,
      outbound: host.outbound,
      environment: { CLIENT_METADATA_ALLOWED_NETWORKS: '127.0.0.1' },
    });
  });
  afterAll(async () => {
    await site.close();
    await host.close();
  });

  test.each([
    ['legacy', '2025-11-25'],
    ['auto', '2026-07-28'],
  ] as const)('SDK 2.4 (%s, %s) connects with it, on any port, and calls', async (mode, revision) => {
    const path = `/${mode}.json`;
    const clientMetadataUrl = host.url(path);
    host.publish(path, {
      client_id: clientMetadataUrl,
      client_name: 'Journey',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
    });
    const before = site.front.passed.length;

    const client = await connectV2(mode)(new URL('/mcp', site.front.origin), { person, clientMetadataUrl });

    expect(client.clientId).toBe(clientMetadataUrl);
    expect(client.protocolVersion).toBe(revision);
    expect(await client.call('whoami')).toMatchObject({ email: 'ada@example.com' });
    const asked = site.front.passed.slice(before).map(({ path }) => path);
    expect(asked.filter((address) => address.startsWith('/register'))).toEqual([]);
    expect(host.requests.filter((request) => request.path === path)).toHaveLength(1);
    await client.close();
  });
});
