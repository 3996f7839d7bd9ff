/** The public MCP conformance runner as a client of the authorization server, under every revision of MCP. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { remote } from '../journeys/remote.ts';
import { register } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { freePort } from '../support/process.ts';
import { runConformance, verdicts } from './conformance.ts';
import { describeWithPrograms } from './programs.ts';
import { signInFor } from './watch.ts';

const always = {
  'authorization-code-grant': ['authorization-code-grant SUCCESS'],
  'authorization-server-metadata-endpoint': ['authorization-server-metadata SUCCESS'],
};

/** Since 2025-11-25 clients may be known by a document of their own, and the runner looks for the server's word that it reads them. */
const withDocuments = {
  ...always,
  'authorization-server-metadata-endpoint': [
    'authorization-server-metadata SUCCESS',
    'authorization-server-metadata-cimd SUCCESS',
  ],
};

/** What the runner checks under each revision, and what it has to find. */
const revisions: readonly (readonly [string, Readonly<Record<string, readonly string[]>>])[] = [
  ['2025-03-26', always],
  ['2025-06-18', always],
  ['2025-11-25', withDocuments],
  ['2026-07-28', withDocuments],
];

describeWithPrograms('conformance authorization', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(databaseKinds[0] ?? 'embedded');
  });
  afterAll(() => site.close());

  test.each(revisions)('every check succeeds under MCP %s', async (revision, expected) => {
    const issuer = site.front.origin;
    const port = await freePort();
    const redirectUri = `http://127.0.0.1:${port}/callback`;
    const client = await register(remote(issuer), { redirect_uris: [redirectUri] });

    const runner = await runConformance('authorization', {
      url: issuer,
      resource: `${issuer}/mcp`,
      'spec-version': revision,
      'client-id': client.clientId,
      port: String(port),
    });
    const [authorizationUrl] = await runner.says(/^http\S+\/authorize\?\S+$/m);
    await signInFor(authorizationUrl);

    expect(verdicts(await runner.checks())).toEqual(expected);
    expect(await runner.exit).toBe(0);
  });
});
