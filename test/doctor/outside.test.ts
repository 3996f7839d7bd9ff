/** Each thing that stands in the way between a client and the server is made with a real nginx, and doctor names it. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Network } from '../../src/doctor/ask.ts';
import { examine, examineAddress } from '../../src/doctor/examine.ts';
import type { FindingId } from '../../src/doctor/finding.ts';
import { type Running, startSite } from './site.ts';
import { address, describeFront, host, origin, type Site, startFront } from './front.ts';
import { type Certificate, createCertificate } from '../support/tls.ts';

const passOn = 'proxy_pass http://127.0.0.1:$PORT; client_max_body_size 0;';

interface Case {
  readonly name: string;
  readonly site: Site;
  readonly finds: FindingId;
}

const cases: readonly Case[] = [
  {
    name: 'a challenge that is dropped (clients.md P1)',
    site: { server: 'proxy_hide_header WWW-Authenticate;' },
    finds: 'challenge.missing',
  },
  {
    name: 'a challenge with another address (clients.md P1)',
    site: {
      server: `proxy_hide_header WWW-Authenticate; add_header WWW-Authenticate 'Bearer resource_metadata="/x"' always;`,
    },
    finds: 'challenge.changed',
  },
  {
    name: 'DELETE that is refused before the 401 (clients.md P1)',
    site: { server: 'if ($request_method = DELETE) { return 405; }' },
    finds: 'challenge.status',
  },
  {
    name: '/mcp that is redirected to /mcp/ (clients.md P1)',
    site: { server: 'location = /mcp { return 301 /mcp/; }' },
    finds: 'front.redirects',
  },
  {
    name: 'the whole host that is redirected to www (clients.md P1)',
    site: { server: 'return 301 https://www.example.com$request_uri;' },
    finds: 'front.redirects',
  },
  {
    name: 'a root document that is not found (clients.md P1)',
    site: { server: 'location = /.well-known/oauth-protected-resource { return 404; }' },
    finds: 'well-known.missing',
  },
  {
    name: 'hidden files that are denied, /.well-known/ among them (clients.md P1)',
    site: { server: 'location ~ /\\. { deny all; }' },
    finds: 'well-known.blocked',
  },
  {
    name: 'a page in the place of a document (clients.md P1)',
    site: {
      server: "location = /.well-known/openid-configuration { default_type text/html; return 200 '<p>hi'; }",
    },
    finds: 'well-known.not-json',
  },
  {
    name: 'a document whose issuer ends with a slash (clients.md P1)',
    site: {
      server: `location = /.well-known/oauth-authorization-server { default_type application/json; return 200 '{"issuer":"${origin}/"}'; }`,
    },
    finds: 'issuer.mismatch',
  },
  {
    name: 'an old copy of the metadata without PKCE (clients.md P1)',
    site: {
      server: `location = /.well-known/oauth-authorization-server { default_type application/json; return 200 '{"issuer":"${origin}"}'; }`,
    },
    finds: 'well-known.changed',
  },
  {
    name: 'another resource in the metadata (clients.md P1)',
    site: {
      server: `location = /.well-known/oauth-protected-resource/mcp { default_type application/json; return 200 '{"resource":"${origin}","authorization_servers":["${origin}"]}'; }`,
    },
    finds: 'resource.mismatch',
  },
  {
    name: 'registration behind a password (clients.md P1)',
    site: { server: 'location = /register { return 401; }' },
    finds: 'endpoint.blocked',
  },
  {
    name: 'token errors as HTML (clients.md P1)',
    site: {
      server: `proxy_intercept_errors on; error_page 400 /sorry; location = /sorry { internal; default_type text/html; return 400 '<p>'; }`,
    },
    finds: 'endpoint.html',
  },
  {
    name: 'registrations that are limited (clients.md P1)',
    site: { server: 'location = /register { return 429; }' },
    finds: 'front.rate-limited',
  },
  {
    name: 'python-httpx and Claude-User that are blocked (clients.md P1)',
    site: { server: 'if ($http_user_agent ~* "python-httpx|claude") { return 403; }' },
    finds: 'front.user-agent-blocked',
  },
  {
    name: 'CORS headers that are dropped (clients.md P1)',
    site: { server: 'proxy_hide_header Access-Control-Allow-Origin;' },
    finds: 'cors.missing',
  },
  {
    name: 'a challenge that scripts cannot read (clients.md P1)',
    site: { server: 'proxy_hide_header Access-Control-Expose-Headers;' },
    finds: 'cors.missing',
  },
  {
    name: 'CORS headers that come twice',
    site: { server: 'add_header Access-Control-Allow-Origin * always;' },
    finds: 'cors.doubled',
  },
  {
    name: 'preflights that are refused (clients.md P1)',
    site: { server: 'if ($request_method = OPTIONS) { return 405; }' },
    finds: 'cors.blocked',
  },
  {
    name: 'an Authorization header that is dropped (clients.md P1)',
    site: { location: `${passOn} proxy_set_header Authorization "";` },
    finds: 'front.authorization-dropped',
  },
  {
    name: 'a path that is rewritten',
    site: { server: 'location /mcp { proxy_pass http://127.0.0.1:$PORT/; client_max_body_size 0; }' },
    finds: 'front.path-rewritten',
  },
  {
    name: 'a cache that stores what it must not (clients.md P27)',
    site: {
      location: passOn,
      http: 'proxy_cache_path cache keys_zone=c:1m;',
      server:
        'proxy_cache c; proxy_cache_valid any 1m; proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;',
    },
    finds: 'front.cached',
  },
  {
    name: 'short header buffers',
    site: { server: 'large_client_header_buffers 4 2k;' },
    finds: 'front.header-limit',
  },
  {
    name: 'the usual limit of nginx on bodies',
    site: { location: 'proxy_pass http://127.0.0.1:$PORT;' },
    finds: 'front.body-limit',
  },
  {
    name: 'a server that is down',
    site: { location: 'proxy_pass http://127.0.0.1:1;' },
    finds: 'front.gateway-error',
  },
  {
    name: '/mcp that goes past this server',
    site: { server: 'location /mcp { default_type application/json; return 200 "{}"; }' },
    finds: 'challenge.open',
  },
  { name: 'no TLS on the TLS port (clients.md P15)', site: { listen: '' }, finds: 'tls.no-handshake' },
  {
    name: 'TLS 1.1 and no newer',
    site: { server: 'ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;' },
    finds: 'tls.no-handshake',
  },
];

describeFront('doctor, from outside in', () => {
  let running: Running;
  let certificate: Certificate;
  beforeAll(async () => {
    certificate = createCertificate([host]);
    running = await startSite(origin);
  });
  afterAll(async () => running.close());

  async function idsAt(site: Site, changed: Network = {}): Promise<readonly string[]> {
    const front = await startFront(running.port, certificate, site);
    try {
      const { findings } = await examineAddress(origin, { ...front.network, ...changed });
      return findings.map(({ id }) => id);
    } finally {
      await front.stop();
    }
  }

  it('finds nothing behind the nginx of docs/deployment.md, with all that the environment names', async () => {
    const front = await startFront(running.port, certificate);
    try {
      const report = await examine(running.environment, { network: front.network, idleSeconds: 1 });

      expect(report.findings).toEqual([]);
      expect(report.passes.map(({ area }) => area)).toEqual(
        expect.arrayContaining([
          'configuration',
          'database',
          'keys',
          'provider',
          'mcp-server',
          'address',
          'front',
          'streams',
        ]),
      );
    } finally {
      await front.stop();
    }
  });

  it.each(cases)('names $name: $finds', async ({ site, finds }) => {
    expect(await idsAt(site)).toContain(finds);
  });

  test.each<readonly [string, Network, FindingId]>([
    ['a private address (clients.md P1)', { resolve: async () => ['10.0.0.1'] }, 'dns.private'],
    ['IPv6 alone (clients.md P1)', { resolve: async () => ['2606:2800:21f::1'] }, 'dns.no-ipv4'],
    ['a name that is not in DNS', { resolve: async () => [] }, 'dns.unknown'],
    ['a certificate of no known authority (clients.md P1)', { ca: '' }, 'tls.not-trusted'],
  ])('names %s', async (_name, network, finds) => {
    expect(await idsAt({}, network)).toContain(finds);
  });

  it('names an address of two that does not answer', async () => {
    const front = await startFront(running.port, certificate);
    const dead = '2606:2800:21f::1';
    const network: Network = {
      ...front.network,
      resolve: async () => [address, dead],
      place: (asked, port) =>
        asked === dead
          ? { host: '127.0.0.1', port: 1 }
          : (front.network.place?.(asked, port) ?? { host: asked, port }),
    };
    const { findings } = await examineAddress(origin, network);
    await front.stop();

    expect(findings.map(({ id }) => id)).toEqual(['dns.dead-address']);
  });

  it('names a port other than 443 (clients.md P1)', async () => {
    const front = await startFront(running.port, certificate);
    const place = front.network.place?.bind(front.network);
    const { findings } = await examineAddress(`${origin}:8443`, {
      ...front.network,
      place: (asked) => place?.(asked, 443) ?? { host: asked, port: 1 },
    });
    await front.stop();

    expect(findings.map(({ id }) => id)).toEqual(expect.arrayContaining(['address.port', 'issuer.mismatch']));
  });

  it('names a certificate for another host (clients.md P1)', async () => {
    const front = await startFront(running.port, createCertificate(['other.example']));
    const { findings } = await examineAddress(origin, front.network);
    await front.stop();

    expect(findings.map(({ id }) => id)).toEqual(['tls.wrong-host']);
  });

  it('names a BASE_URL that is not the address in use (clients.md P15)', async () => {
    const front = await startFront(running.port, certificate);
    const { findings } = await examineAddress('https://127.0.0.1', { ...front.network });
    await front.stop();

    expect(findings.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['issuer.mismatch', 'resource.mismatch']),
    );
  });

  it('names another server by its keys', async () => {
    const other = await startSite(origin);
    const front = await startFront(other.port, certificate);
    const { findings } = await examine(running.environment, { network: front.network, idleSeconds: 1 });
    await front.stop();
    await other.close();

    expect(findings.map(({ id }) => id)).toContain('front.other-server');
  });
});

describe('doctor on loopback', () => {
  it('finds nothing wrong with a demo', async () => {
    const running = await startSite('http://localhost:0');
    const { findings } = await examine(running.environment, { idleSeconds: 1 });
    await running.close();

    expect(findings).toEqual([]);
  });

  it('does not claim from outside that it is this server that answers', async () => {
    const running = await startSite('http://localhost:0');
    const { passes, unknowns } = await examineAddress(running.environment.BASE_URL ?? '');
    await running.close();

    expect(passes.map(({ text }) => text).join()).not.toContain('it is this server');
    expect(unknowns.map(({ text }) => text).join()).toContain('whether it is this server');
  });

  it('names a server that is not running', async () => {
    const { findings } = await examineAddress('http://localhost:1');

    expect(findings.map(({ id }) => id)).toEqual(['front.unreachable']);
  });
});
