/** Clients made with the official SDK that are known by a document of theirs: nothing is registered. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseKinds } from '../support/database.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { type Site, startSite } from '../support/instances.ts';
import { describeTls } from '../support/tls.ts';
import { describeWithPrograms, newHome } from './programs.ts';
import { sdks, startSdk } from './sdks.ts';
import { signInFor, watch } from './watch.ts';

describeWithPrograms('the official SDK', () => {
  describeTls('with a client metadata document (needs the program openssl)', () => {
    let host: DocumentHost;
    let site: Site;
    beforeAll(async () => {
      host = await startDocumentHost();
      const client_id = host.url('/oauth/client.json');
      host.publish('/oauth/client.json', {
        client_id,
        client_name: 'SDK client',
        // Without a port: a native app listens on any (RFC 8252 §7.3).
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
      });
      site = await startSite(databaseKinds[0] ?? 'embedded', {
        outbound: host.outbound,
        environment: { CLIENT_METADATA_ALLOWED_NETWORKS: '127.0.0.1' },
      });
    });
    afterAll(async () => {
      await site.close();
      await host.close();
    });
    test.each(sdks.filter(({ name }) => name === 'SDK 1.32' || name === 'SDK 2.4'))(
      '$name (MCP $revision) signs in with the URL of its document as its id (MCP authorization, CIMD §3)',
      async (sdk) => {
        const document = host.url('/oauth/client.json');
        const home = await newHome();
        const program = await startSdk(sdk, `${site.front.origin}/mcp`, home, `--document=${document}`);

        const { lines, all } = await watch(site.front, async () => {
          const [, url = ''] = await program.says(/^authorize "(.+)"$/m);
          expect(new URL(url).searchParams.get('client_id')).toBe(document);
          await signInFor(url);
          await program.exit;
        });

        expect(program.output()).toMatch(/^called .*ada@example\.com.*\nended/m);
        expect(lines.join()).not.toContain('/register');
        expect(all.some(({ requestBody }) => requestBody.includes(encodeURIComponent(document)))).toBe(true);
      },
    );
  });
});
