/** The environment, read once: every mistake is named, no secret is shown (design.md §2). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError, loadConfig, loadStorageConfig } from '../../src/config.ts';

const minimal = {
  MCP_SERVER_URL: 'http://localhost:3000/mcp',
  OAUTH_AUTHORIZE_URL: 'https://login.example.com',
  OAUTH_CLIENT_ID: 'client',
  OAUTH_CLIENT_SECRET: 'a-secret-value',
};

const tenant = '9122040d-6c67-4c5b-b112-36a304b66dad';

function problemsOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('metrics and traces', () => {
  test('are off unless asked for, and metrics are for this machine', () => {
    expect(loadConfig(minimal)).toMatchObject({ metrics: undefined, tracing: undefined });
    expect(loadConfig({ ...minimal, METRICS_PORT: '9464' }).metrics).toEqual({
      host: 'localhost',
      port: 9464,
    });
  });

  test('metrics never share a port with clients', () => {
    expect(problemsOf({ ...minimal, METRICS_PORT: '8080' })[0]).toMatch(
      /^METRICS_PORT must be another port than PORT/,
    );
    const forwardAuth = { ...minimal, MODE: 'forward_auth', TRUST_PROXY: '127.0.0.1' };
    expect(problemsOf({ ...forwardAuth, METRICS_PORT: '8081' })[0]).toMatch(/another port than AUTH_PORT/);
    expect(problemsOf({ ...minimal, METRICS_PORT: '8081' })).toEqual([]);
  });

  test('the usual OTEL_* variables mean the usual', () => {
    const { tracing } = loadConfig({
      ...minimal,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1, b=x%20y',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'mine',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    expect(tracing).toEqual({
      endpoint: 'http://collector:4318/v1/traces',
      headers: { a: '2', b: 'x y' },
      timeoutMs: 10_000,
      compression: 'none',
      sampler: 'traceidratio',
      sampledShare: 0.25,
      trustsSampling: false,
      resource: { 'service.name': 'mine', 'deployment.environment.name': 'test' },
    });
    const own = { ...minimal, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example.com/x' };
    expect(loadConfig(own).tracing?.endpoint).toBe('https://traces.example.com/x');
    for (const off of [{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }])
      expect(loadConfig({ ...own, ...off }).tracing).toBeUndefined();
  });

  test.each([
    ['METRICS_PORT', '99999'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a-secret-value'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['TRACE_TRUST_SAMPLING', 'perhaps'],
  ])('%s=%s stops the start, and its value is not shown', (name, value) => {
    const [problem = '', ...others] = problemsOf({ ...minimal, [name]: value });
    expect(others).toEqual([]);
    expect(problem).toMatch(new RegExp(`^${name} must be .* Example: `));
    expect(problem).not.toContain('a-secret-value');
  });
});

describe('defaults', () => {
  test('four variables are enough, and the rest is as documented', () => {
    const config = loadConfig(minimal);

    expect(config).toMatchObject({
      baseUrl: 'http://localhost:8080',
      host: 'localhost',
      port: 8080,
      databaseDsn: undefined,
      dataDir: './data',
      encryptionKeys: undefined,
      signingAlg: 'ES256',
      forwardAccessToken: true,
      identityAssertion: false,
      scopesSupported: ['openid', 'profile', 'email'],
      accessTokenTtlSeconds: 3600,
      refreshTokenTtlSeconds: 30 * 86_400,
      refreshGraceSeconds: 120,
      corsAllowedOrigins: ['*'],
      trustProxy: [],
      providers: [{ id: 'oauth', clientId: 'client', isPrimary: true }],
    });
  });

  test('GOOGLE_* is a preset', () => {
    const config = loadConfig({
      MCP_SERVER_URL: minimal.MCP_SERVER_URL,
      GOOGLE_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'secret',
    });

    expect(config.providers).toMatchObject([{ id: 'google', clientId: 'id' }]);
    expect(config.providers[0].url.href).toBe('https://accounts.google.com/');
  });

  test('MICROSOFT_* and GITHUB_* are presets too; with several providers it must be said which one is primary', () => {
    const several = {
      ...minimal,
      GOOGLE_CLIENT_ID: 'g',
      GOOGLE_CLIENT_SECRET: 'secret',
      GOOGLE_HOSTED_DOMAINS: 'Example.com, example.org',
      MICROSOFT_CLIENT_ID: 'm',
      MICROSOFT_CLIENT_SECRET: 'secret',
      MICROSOFT_TENANT: tenant,
      MICROSOFT_ALLOWED_TENANTS: tenant.toUpperCase(),
      GITHUB_CLIENT_ID: 'h',
      GITHUB_CLIENT_SECRET: 'secret',
      GITHUB_URL: 'https://ghe.example.com/',
      MICROSOFT_ALLOWED_GROUPS: tenant.toUpperCase(),
      GITHUB_ALLOWED_ORGANIZATIONS: 'Acme, octo-org/Maintainers',
      OAUTH_ALLOWED_GROUPS: 'Domain Users, /staff',
    };
    expect(problemsOf(several).join('\n')).toContain('PRIMARY_PROVIDER is missing');
    const { providers } = loadConfig({ ...several, PRIMARY_PROVIDER: 'none' });

    expect(providers.map(({ id, url, clientId, isPrimary }) => [id, url.href, clientId, isPrimary])).toEqual([
      ['google', 'https://accounts.google.com/', 'g', false],
      ['microsoft', `https://login.microsoftonline.com/${tenant}/v2.0`, 'm', false],
      ['github', 'https://ghe.example.com/login/oauth/authorize', 'h', false],
      ['oauth', 'https://login.example.com/', 'client', false],
    ]);
    expect(providers[0].hostedDomains).toEqual(['example.com', 'example.org']);
    expect(providers[1]?.allowedTenants).toEqual([tenant]);
    expect(providers.map(({ allowedGroups }) => allowedGroups)).toEqual([
      undefined,
      [tenant],
      ['acme', 'octo-org/maintainers'],
      ['Domain Users', '/staff'],
    ]);
    // Groups cost scopes and calls: only a list makes us ask for them.
    expect(providers.map(({ wantsGroups }) => wantsGroups === true)).toEqual([false, true, true, true]);
    const primary = (name: string) =>
      loadConfig({ ...several, PRIMARY_PROVIDER: name }).providers.flatMap(({ id, isPrimary }) =>
        isPrimary ? [id] : [],
      );
    expect(['github', 'oauth', 'none'].map(primary)).toEqual([['github'], ['oauth'], []]);
  });

  test('one provider alone is primary, unless another one was', () => {
    expect(loadConfig({ ...minimal, PRIMARY_PROVIDER: 'google' }).providers[0].isPrimary).toBe(false);
    expect(loadConfig({ ...minimal, PRIMARY_PROVIDER: 'oauth' }).providers[0].isPrimary).toBe(true);
  });

  test.each([
    ['MICROSOFT', 'https://login.microsoftonline.com/common/v2.0'],
    ['GITHUB', 'https://github.com/login/oauth/authorize'],
  ])('%s_CLIENT_ID and _CLIENT_SECRET are enough', (name, url) => {
    const { MCP_SERVER_URL } = minimal;
    const { providers } = loadConfig({
      MCP_SERVER_URL,
      [`${name}_CLIENT_ID`]: 'id',
      [`${name}_CLIENT_SECRET`]: 'secret',
    });
    expect(providers.map((provider) => [provider.url.href, provider.isPrimary])).toEqual([[url, true]]);
  });

  test('an empty value counts as unset, and white space around one is not part of it', () => {
    const config = loadConfig({ ...minimal, PORT: '', LOG_LEVEL: ' ', OAUTH_CLIENT_ID: ' client\n' });

    expect(config.port).toBe(8080);
    expect(config.providers[0].clientId).toBe('client');
  });

  test('ENCRYPTION_KEY takes a list: the first encrypts (design.md §2)', () => {
    const keys = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
    const config = loadConfig({ ...minimal, ENCRYPTION_KEY: keys.join(',') });

    expect(config.encryptionKeys?.map((key) => key[0])).toEqual([1, 2]);
  });
});

describe('TOOL_SCOPES (protocol.md 100)', () => {
  const policy = '{"rules":{"tools/call delete_*":["files:write"]}}';
  const rules = [{ method: 'tools/call', name: 'delete_*', scopes: ['files:write'] }];

  test('is a policy in JSON, or the path of a file with one', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tool-scopes-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'policy.json');
    writeFileSync(file, ` ${policy}\n`);

    expect(loadConfig(minimal)).toMatchObject({ toolScopes: undefined, toolScopesMaxBodyBytes: 1_048_576 });
    expect(loadConfig({ ...minimal, TOOL_SCOPES: policy }).toolScopes).toMatchObject({ rules });
    expect(loadConfig({ ...minimal, TOOL_SCOPES: file }).toolScopes).toMatchObject({ rules });
  });

  test('every mistake in it has a line of its own', () => {
    const problems = problemsOf({ ...minimal, TOOL_SCOPES: '{"rules":{"tools/call *x":["a b"],"ping":[]}}' });
    expect(problems).toHaveLength(3);
    expect(problems.every((problem) => problem.startsWith('TOOL_SCOPES has '))).toBe(true);
  });

  test('a file that is not there is named', () => {
    expect(problemsOf({ ...minimal, TOOL_SCOPES: './nowhere.json' })).toEqual([
      expect.stringMatching(/^TOOL_SCOPES .*there is none at \.\/nowhere\.json/),
    ]);
  });
});

describe('mistakes', () => {
  test('all are named at once, each with its variable and an example', () => {
    const problems = problemsOf({ BASE_URL: 'http://mcp.example.com', PORT: 'eighty', LOG_LEVEL: 'loud' });

    const names = problems.map((problem) => problem.split(' ', 1)[0]);
    expect(names).toHaveLength(7);
    expect(new Set(names)).toEqual(
      new Set([
        'BASE_URL',
        'LOG_LEVEL',
        'MCP_SERVER_URL',
        'OAUTH_AUTHORIZE_URL',
        'OAUTH_CLIENT_ID',
        'OAUTH_CLIENT_SECRET',
        'PORT',
      ]),
    );
    for (const problem of problems) expect(problem).toMatch(/Example: \S/);
  });

  test('no secret value is ever part of a message', () => {
    const secrets = {
      OAUTH_CLIENT_SECRET: 'sssh-client-secret',
      ENCRYPTION_KEY: 'c3NzaC1rZXk',
      DATABASE_DSN: 'mysql://user:sssh-password@db/x',
      REDIS_URL: 'http://:sssh-redis@redis',
    };
    const { message } = new ConfigError(problemsOf({ ...minimal, ...secrets }));

    expect(message).toContain('ENCRYPTION_KEY');
    expect(message).toContain('DATABASE_DSN');
    expect(message).toContain('REDIS_URL');
    expect(message).not.toMatch(/sssh|c3NzaC1rZXk/);
  });

  test.each([
    ['BASE_URL', 'http://mcp.example.com', 'https unless'],
    ['BASE_URL', 'https://mcp.example.com/path', 'an origin'],
    ['BASE_URL', 'mcp.example.com', 'an origin'],
    ['OAUTH_AUTHORIZE_URL', 'http://login.example.com', 'https unless'],
    ['MCP_SERVER_URL', 'http://user:pw@host/mcp', 'without query, fragment or credentials'],
    ['MCP_SERVER_URL', 'http://host/mcp?x=1', 'without query, fragment or credentials'],
    ['MCP_SERVER_URL', 'ftp://host/mcp', 'http or https'],
    ['SCOPES_SUPPORTED', ',', 'scopes'],
    ['SCOPES_SUPPORTED', 'openid,"quoted"', 'scopes'],
    ['DATABASE_DSN', 'postgres://user:100%@db/x', 'percent-encoded'],
    ['ENCRYPTION_KEY', Buffer.alloc(16).toString('base64'), '32 bytes'],
    ['TRUST_PROXY', 'abc', 'addresses or networks'],
    ['TRUST_PROXY', '10.0.0.0/99', 'addresses or networks'],
    ['CORS_ALLOWED_ORIGINS', 'https://app.example.com/', 'origins'],
    ['ACCESS_TOKEN_TTL_SECONDS', '0', 'from 30'],
    ['REFRESH_GRACE_SECONDS', '3601', 'to 3600'],
    ['PORT', '0', 'BASE_URL'],
    ['SIGNING_ALG', 'HS256', 'ES256 or RS256'],
    ['IDENTITY_ASSERTION', 'yes', 'true or false'],
    ['KEEP_ADDRESSES', 'no', 'true or false'],
    ['AUDIT_TOOL_CALLS', 'yes', 'true or false'],
    ['AUDIT_RETENTION_DAYS', '-1', '0 to 36500'],
    ['SESSION_BINDING', 'yes', 'true or false'],
    ['MCP_MAX_CONNECTIONS', '0', '1 to 1000000'],
    ['STREAM_KEEP_ALIVE_SECONDS', '-1', '0 to 3600'],
    ['STREAM_KEEP_ALIVE_SECONDS', '3601', '0 to 3600'],
    ['FORWARD_ACCESS_TOKEN', '0', 'true or false'],
    ['MODE', 'gateway', 'proxy or forward_auth'],
    ['MODE', 'forward_auth', 'TRUST_PROXY is missing'],
    ['AUTH_PORT', '8081', 'belongs to MODE=forward_auth'],
    ['WORKERS', '0', 'from 1 to 128, or auto'],
    ['WORKERS', '129', 'from 1 to 128, or auto'],
    ['WORKERS', 'all', 'from 1 to 128, or auto'],
    ['WORKERS', '2', 'WORKERS other than 1 needs PostgreSQL'],
    ['WORKERS', 'auto', 'WORKERS other than 1 needs PostgreSQL'],
    ['GOOGLE_CLIENT_ID', 'x', 'GOOGLE_CLIENT_SECRET is missing'],
    ['GOOGLE_HOSTED_DOMAINS', 'not a domain', 'domains of Google Workspace'],
    ['GOOGLE_HOSTED_DOMAINS', 'example.com', 'GOOGLE_CLIENT_ID is missing'],
    ['MICROSOFT_CLIENT_SECRET', 'x', 'MICROSOFT_CLIENT_ID is missing'],
    ['MICROSOFT_TENANT', 'contoso', 'tenant’s id or domain'],
    ['MICROSOFT_TENANT', '../common', 'tenant’s id or domain'],
    ['MICROSOFT_ALLOWED_TENANTS', 'contoso.com', 'ids of tenants'],
    ['GITHUB_CLIENT_ID', 'x', 'GITHUB_CLIENT_SECRET is missing'],
    ['GITHUB_URL', 'https://ghe.example.com/api/v3', 'without a path'],
    ['GITHUB_URL', 'http://ghe.example.com', 'https unless'],
    ['GITHUB_ALLOWED_ORGANIZATIONS', 'acme', 'GITHUB_CLIENT_ID is missing'],
    ['GITHUB_ALLOWED_ORGANIZATIONS', 'https://github.com/acme', 'organizations, or teams'],
    ['MICROSOFT_ALLOWED_GROUPS', 'Staff', 'object ids of groups'],
    ['OAUTH_ALLOWED_GROUPS', ' , ', 'names of groups'],
    ['ALLOWED_EMAILS', 'example.com', 'e-mail addresses'],
    ['ALLOWED_EMAILS', '*@example.com', 'e-mail addresses'],
    ['ALLOWED_EMAILS', ',', 'e-mail addresses'],
    ['ALLOWED_EMAIL_DOMAINS', '*', 'domains with commas'],
    ['ALLOWED_EMAIL_DOMAINS', '*.com', 'domains with commas'],
    ['ALLOWED_EMAIL_DOMAINS', '@example.com', 'domains with commas'],
    ['ALLOWED_EMAIL_DOMAINS', 'example.com.', 'domains with commas'],
    ['SUPPORT_CONTACT', 'x'.repeat(201), 'at most 200 characters'],
    ['SUPPORT_CONTACT', 'http://help.example.com', 'must be https'],
    ['SUPPORT_CONTACT', 'javascript://x', 'must be https'],
    ['BRAND_NAME', 'x'.repeat(61), 'at most 60 characters'],
    ['BRAND_NAME', 'Acme\u{202e}', 'on one line'],
    ['BRAND_COLOR', 'red', 'six hexadecimal digits'],
    ['BRAND_COLOR', '#12345', 'six hexadecimal digits'],
    ['BRAND_COLOR', '#123456;}', 'six hexadecimal digits'],
    ['BRAND_LOGO', './none.png', 'there is none that can be read'],
    ['BRAND_LOGO', './package.json', 'PNG, SVG, WebP or JPEG'],
    ['PRIMARY_PROVIDER', 'okta', 'google, microsoft, github, oauth or none'],
  ])('%s=%s is refused', (name, value, words) => {
    expect(problemsOf({ ...minimal, [name]: value }).join('\n')).toContain(words);
  });

  test.each([
    ['MCP_SERVER_URL', 'http://localhost:3000'],
    ['MCP_SERVER_URL', 'https://mcp.internal/api/'],
    ['BASE_URL', 'http://127.0.0.1:8080'],
    ['BASE_URL', 'https://mcp.example.com/'],
    ['TRUST_PROXY', '10.0.0.0/8, fd00::/8 loopback'],
    ['DATABASE_DSN', 'postgresql://user:100%25@db:5432/x?sslmode=require'],
  ])('%s=%s is accepted', (name, value) => {
    expect(problemsOf({ ...minimal, [name]: value })).toEqual([]);
  });
});

test('a provider that is named twice is refused', () => {
  const google = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x' };
  const url = 'https://accounts.google.com/o/oauth2/auth';
  expect(problemsOf({ ...minimal, ...google, OAUTH_AUTHORIZE_URL: url }).join()).toContain(
    'names accounts.google.com, which other variables name already',
  );
});

describe('MODE=forward_auth', () => {
  const { MCP_SERVER_URL, ...rest } = minimal;
  const forwardAuth = { ...rest, MODE: 'forward_auth', TRUST_PROXY: '127.0.0.1' };

  test('needs no MCP server, and asks at 8081', () => {
    const config = loadConfig(forwardAuth);
    expect(config).toMatchObject({ mode: 'forward_auth', authPort: 8081, mcpServerUrl: undefined });
  });

  test.each([
    [{ IDENTITY_ASSERTION: 'true' }, 'MCP_SERVER_URL is missing: it is the audience'],
    [{ AUTH_PORT: '8080' }, 'another port than PORT'],
    [{ PORT: '8081' }, 'another port than PORT'],
    [{ TRUST_PROXY: '' }, 'TRUST_PROXY is missing'],
    [{ SESSION_BINDING: 'true' }, 'SESSION_BINDING does nothing'],
    [{ MCP_MAX_CONNECTIONS: '100' }, 'MCP_MAX_CONNECTIONS does nothing'],
    [{ STREAM_KEEP_ALIVE_SECONDS: '15' }, 'STREAM_KEEP_ALIVE_SECONDS does nothing'],
    [{ TOOL_SCOPES: '{"rules":{"tools/call x":["a"]}}' }, 'TOOL_SCOPES cannot be kept'],
    [{ AUDIT_TOOL_CALLS: 'true' }, 'AUDIT_TOOL_CALLS cannot be kept'],
  ])('with %j is refused', (changed, words) => {
    expect(problemsOf({ ...forwardAuth, ...changed }).join('\n')).toContain(words);
  });

  test('signed identities are for MCP_SERVER_URL', () => {
    expect(problemsOf({ ...forwardAuth, IDENTITY_ASSERTION: 'true', MCP_SERVER_URL })).toEqual([]);
  });
});

test('tools read where the database is, and need nothing else', () => {
  expect(loadStorageConfig({ DATA_DIR: '/var/lib/mcp' })).toEqual({
    databaseDsn: undefined,
    dataDir: '/var/lib/mcp',
  });
  expect(() => loadStorageConfig({ DATABASE_DSN: 'mysql://x' })).toThrow(ConfigError);
});

describe('what is read from the web', () => {
  test('documents of every host at public addresses, without a proxy, unless said otherwise', () => {
    const config = loadConfig(minimal);

    expect(config.clientDocuments).toEqual({
      enabled: true,
      allowedHosts: [],
      deniedHosts: [],
      allowedNetworks: [],
    });
    expect(config.outboundProxy).toBeUndefined();
  });

  test('hosts, networks and a proxy are lists with commas between (clients.md P25)', () => {
    const config = loadConfig({
      ...minimal,
      CLIENT_METADATA_DOCUMENTS: 'off',
      CLIENT_METADATA_ALLOWED_HOSTS: 'claude.ai, *.example.com',
      CLIENT_METADATA_DENIED_HOSTS: 'evil.example.com',
      CLIENT_METADATA_ALLOWED_NETWORKS: '10.0.0.0/8,fd00::/8,192.168.1.1',
      HTTPS_PROXY: 'http://proxy.example:3128',
      NO_PROXY: 'localhost,.internal',
    });

    expect(config.clientDocuments).toEqual({
      enabled: false,
      allowedHosts: ['claude.ai', '*.example.com'],
      deniedHosts: ['evil.example.com'],
      allowedNetworks: ['10.0.0.0/8', 'fd00::/8', '192.168.1.1'],
    });
    expect(config.outboundProxy).toEqual({
      url: 'http://proxy.example:3128',
      exceptions: ['localhost', '.internal'],
    });
  });

  test('the proxy’s names in lower case count as well, those in upper case first', () => {
    const lower = { https_proxy: 'http://lower.example:1', no_proxy: 'a.example' };

    expect(loadConfig({ ...minimal, ...lower }).outboundProxy).toEqual({
      url: 'http://lower.example:1',
      exceptions: ['a.example'],
    });
    expect(
      loadConfig({ ...minimal, ...lower, HTTPS_PROXY: 'http://upper.example:1' }).outboundProxy?.url,
    ).toBe('http://upper.example:1');
  });

  test.each([
    ['CLIENT_METADATA_DOCUMENTS', 'maybe'],
    ['CLIENT_METADATA_ALLOWED_HOSTS', 'https://claude.ai'],
    ['CLIENT_METADATA_ALLOWED_HOSTS', '*'],
    ['CLIENT_METADATA_ALLOWED_HOSTS', ','],
    ['CLIENT_METADATA_DENIED_HOSTS', 'a.*.example'],
    ['CLIENT_METADATA_ALLOWED_NETWORKS', '10.0.0.0/33'],
    ['CLIENT_METADATA_ALLOWED_NETWORKS', 'loopback'],
    ['HTTPS_PROXY', 'proxy.example:3128'],
    ['HTTPS_PROXY', 'socks5://proxy.example'],
  ])('%s=%s is a mistake, with an example', (name, value) => {
    expect(problemsOf({ ...minimal, [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} .*Example: `)) as string,
    ]);
  });
});
