/** What each environment variable may hold, and what is said when it does not. */
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { brandVariables } from './config-brand.ts';
import { isDomain, readListedDomain, readListedEmail } from './identity/email-lists.ts';
import { providerIds } from './identity/provider-profile.ts';
import { isHostPattern } from './outbound/host-patterns.ts';
import { clientPolicies } from './protocol/client-policy.ts';

const mostWorkers = 128;

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname);
}

/** Text with a plain message for a value that does not pass `check`. */
export const text = (check: (value: string) => boolean, message: string) => z.string().refine(check, message);

export const httpUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
const isPlainUrl = (value: string) => {
  if (!httpUrl(value) || /[?#]/.test(value)) return false;
  const url = new URL(value);
  return url.username === '' && url.password === '';
};
const isOrigin = (value: string) => isPlainUrl(value) && new URL(value).pathname === '/';
const isSecureOrLoopback = (value: string) => {
  if (!httpUrl(value)) return true;
  const url = new URL(value);
  return url.protocol === 'https:' || isLoopbackHost(url.hostname);
};

const isId = (value: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
const readId = (value: string) => (isId(value) ? value.toLowerCase() : undefined);
/** An organization, or a team of one, by the names in their addresses: GitHub tells none apart by case. */
const readGitHubGroup = (value: string) =>
  /^[a-z0-9_-]{1,100}(\/[a-z0-9_.-]{1,100})?$/i.test(value) ? value.toLowerCase() : undefined;

export const wholeNumber = (example: number, min: number, max: number) =>
  text(
    (value) => /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max,
    `must be a whole number from ${min} to ${max}. Example: ${example}`,
  ).transform(Number);

export const flag = z
  .enum(['true', 'false'], { error: 'must be true or false. Example: true' })
  .transform((value) => value === 'true');

const list = z.string().transform((value) => value.split(/[\s,]+/).filter((item) => item !== ''));

/** A list each of whose entries `read` gives a form to compare; undefined for one that is wrong. */
const listOf = (items: typeof list, read: (item: string) => string | undefined, message: string) =>
  items.transform((values, context) => {
    const entries = values.map(read).filter((entry) => entry !== undefined);
    if (entries.length === values.length && entries.length > 0) return entries;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** Names that may have spaces in them. */
const names = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const encryptionKeys = z.string().transform((value, context) => {
  const keys = value
    .split(',')
    .map((item) => Uint8Array.from(atobOrEmpty(item.trim()), (c) => c.charCodeAt(0)));
  if (keys.some((key) => key.length !== 32)) {
    context.addIssue({
      code: 'custom',
      message:
        'must be 32 bytes in base64, or several of them with commas between. Make one with: openssl rand -base64 32',
    });
    return z.NEVER;
  }
  return keys;
});

/** A URL whose percent-encodings are complete: a raw `%` in a password must be written `%25`. */
function isDecodable(value: string): boolean {
  try {
    return URL.canParse(value) && decodeURIComponent(value) !== '';
  } catch {
    return false;
  }
}

/** An address, a network in CIDR notation, or a name that Fastify knows for one. */
function isTrustable(value: string): boolean {
  return ['loopback', 'linklocal', 'uniquelocal'].includes(value) || isNetwork(value);
}

/** An address, or a network in CIDR notation. */
function isNetwork(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

function atobOrEmpty(value: string): string {
  try {
    return atob(value.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}

const hosts = list.refine(
  (patterns) => patterns.length > 0 && patterns.every(isHostPattern),
  'must be host names with commas between, *. for all names below one. Example: claude.ai,*.example.com',
);

export const environmentSchema = z
  .object({
    MCP_SERVER_URL: text(
      isPlainUrl,
      'must be an http or https URL without query, fragment or credentials. Example: http://localhost:3000/mcp',
    ),
    OAUTH_AUTHORIZE_URL: text(httpUrl, 'must be an https URL. Example: https://accounts.google.com').refine(
      isSecureOrLoopback,
      'must be https unless its host is loopback. Example: https://login.example.com',
    ),
    OAUTH_CLIENT_ID: z.string(),
    OAUTH_CLIENT_SECRET: z.string(),
    OAUTH_ALLOWED_GROUPS: listOf(
      names,
      (group) => group,
      'must be names of groups with commas between. Example: mcp-users,/staff/engineering',
    ),
    GOOGLE_CLIENT_ID: z.string(),
    GOOGLE_CLIENT_SECRET: z.string(),
    GOOGLE_HOSTED_DOMAINS: listOf(
      list,
      (domain) => (isDomain(domain) ? domain.toLowerCase() : undefined),
      'must be domains of Google Workspace with commas between. Example: example.com,example.org',
    ),
    MICROSOFT_CLIENT_ID: z.string(),
    MICROSOFT_CLIENT_SECRET: z.string(),
    MICROSOFT_TENANT: text(
      (value) => ['common', 'organizations', 'consumers'].includes(value) || isId(value) || isDomain(value),
      'must be a tenant’s id or domain, or organizations, consumers or common. Example: 11112222-3333-4444-5555-666677778888',
    ),
    MICROSOFT_ALLOWED_TENANTS: listOf(
      list,
      readId,
      'must be ids of tenants with commas between. Example: 11112222-3333-4444-5555-666677778888',
    ),
    MICROSOFT_ALLOWED_GROUPS: listOf(
      list,
      readId,
      'must be object ids of groups with commas between. Example: 11112222-3333-4444-5555-666677778888',
    ),
    GITHUB_CLIENT_ID: z.string(),
    GITHUB_CLIENT_SECRET: z.string(),
    GITHUB_ALLOWED_ORGANIZATIONS: listOf(
      list,
      readGitHubGroup,
      'must be organizations, or teams of them, with commas between. Example: acme,octo-org/maintainers',
    ),
    GITHUB_URL: text(
      isOrigin,
      'must be the address of GitHub Enterprise, without a path. Example: https://ghe.example.com',
    ).refine(
      isSecureOrLoopback,
      'must be https unless its host is loopback. Example: https://ghe.example.com',
    ),
    ALLOWED_EMAILS: listOf(
      list,
      readListedEmail,
      'must be e-mail addresses with commas between. Example: ada@example.com,grace@example.org',
    ),
    ALLOWED_EMAIL_DOMAINS: listOf(
      list,
      readListedDomain,
      'must be domains with commas between, *. for all below one. Example: example.com,*.example.com',
    ),
    ...brandVariables,
    PRIMARY_PROVIDER: z.enum([...providerIds, 'none'], {
      error: 'must be google, microsoft, github, oauth or none. Example: google',
    }),
    SCOPES_SUPPORTED: list.refine(
      (scopes) => scopes.length > 0 && scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
      'must be scopes with commas between. Example: openid,profile,email',
    ),
    TOOL_SCOPES: z.string(),
    TOOL_SCOPES_MAX_BODY_BYTES: wholeNumber(1_048_576, 1024, 1_073_741_824),
    BASE_URL: text(
      isOrigin,
      'must be an origin: scheme and host, without a path. Example: https://mcp.example.com',
    ).refine(
      isSecureOrLoopback,
      'must be https unless its host is loopback: tokens would travel in the clear. Example: https://mcp.example.com',
    ),
    HOST: z.string(),
    PORT: wholeNumber(8080, 0, 65535),
    DATABASE_DSN: text(
      (value) => /^postgres(ql)?:\/\//.test(value) && isDecodable(value),
      'must be a postgres:// URL, with special characters in the password percent-encoded. Example: postgres://user:password@db:5432/mcp',
    ),
    DATABASE_MAX_CONNECTIONS: wholeNumber(10, 1, 1000),
    DATA_DIR: z.string(),
    ENCRYPTION_KEY: encryptionKeys,
    MODE: z.enum(['proxy', 'forward_auth'], { error: 'must be proxy or forward_auth. Example: proxy' }),
    AUTH_PORT: wholeNumber(8081, 0, 65535),
    FORWARD_ACCESS_TOKEN: flag,
    IDENTITY_ASSERTION: flag,
    SESSION_BINDING: flag,
    SIGNING_ALG: z.enum(['ES256', 'RS256'], { error: 'must be ES256 or RS256. Example: ES256' }),
    CLIENT_REGISTRATION: z.enum(clientPolicies, { error: 'must be open, known or off. Example: open' }),
    ACCESS_TOKEN_TTL_SECONDS: wholeNumber(3600, 30, 86_400 * 7),
    REFRESH_TOKEN_TTL_SECONDS: wholeNumber(2_592_000, 60, 86_400 * 730),
    REFRESH_GRACE_SECONDS: wholeNumber(120, 0, 3600),
    CONNECTION_TTL_SECONDS: wholeNumber(7_776_000, 60, 86_400 * 730),
    USER_REVALIDATION_SECONDS: wholeNumber(900, 60, 86_400 * 30),
    CORS_ALLOWED_ORIGINS: list.refine(
      (origins) =>
        (origins.length === 1 && origins[0] === '*') ||
        origins.every((origin) => isOrigin(origin) && !origin.endsWith('/')),
      "must be '*' or origins with commas between. Example: https://app.example.com",
    ),
    RATE_LIMIT_MAX: wholeNumber(120, 1, 1_000_000),
    RATE_LIMIT_WINDOW_SECONDS: wholeNumber(60, 1, 86_400),
    MCP_RATE_LIMIT_MAX: wholeNumber(6000, 1, 100_000_000),
    MCP_MAX_CONNECTIONS: wholeNumber(16_384, 1, 1_000_000),
    REDIS_URL: text(
      (value) => /^rediss?:\/\//.test(value) && URL.canParse(value),
      'must be a redis:// or rediss:// URL. Example: redis://redis:6379',
    ),
    TRUST_PROXY: list.refine(
      (addresses) => addresses.every(isTrustable),
      'must be addresses or networks with commas between. Example: 10.0.0.0/8',
    ),
    KEEP_ADDRESSES: flag,
    AUDIT_RETENTION_DAYS: wholeNumber(90, 0, 36_500),
    AUDIT_TOOL_CALLS: flag,
    CLIENT_METADATA_DOCUMENTS: z.enum(['on', 'off'], { error: 'must be on or off. Example: on' }),
    CLIENT_METADATA_ALLOWED_HOSTS: hosts,
    CLIENT_METADATA_DENIED_HOSTS: hosts,
    CLIENT_METADATA_ALLOWED_NETWORKS: list.refine(
      (networks) => networks.length > 0 && networks.every(isNetwork),
      'must be addresses or networks with commas between. Example: 10.20.0.0/16,fd12:3456::/32',
    ),
    HTTPS_PROXY: text(
      httpUrl,
      'must be the http or https URL of a proxy. Example: http://proxy.example.com:3128',
    ),
    NO_PROXY: list,
    WORKERS: text(
      (value) =>
        value === 'auto' || (/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= mostWorkers),
      `must be a whole number from 1 to ${mostWorkers}, or auto: one for each core. Example: auto`,
    ).transform((value) =>
      value === 'auto' ? Math.min(availableParallelism(), mostWorkers) : Number(value),
    ),
    MAX_CONNECTIONS: wholeNumber(16_384, 1, 1_000_000),
    CLIENT_TIMEOUT_SECONDS: wholeNumber(60, 1, 3600),
    STREAM_KEEP_ALIVE_SECONDS: wholeNumber(15, 0, 3600),
    SHUTDOWN_GRACE_SECONDS: wholeNumber(10, 0, 3600),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent. Example: info',
    }),
  })
  .partial();
