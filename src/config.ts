/** Reads the environment, once. Nothing else in the program looks at `process.env`. */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseEnv } from 'node:util';
import { z } from 'zod';

export interface ProviderConfig {
  /** `google` for the preset, `oauth` for `OAUTH_*`. Kept in the database with each sign-in. */
  readonly id: 'google' | 'oauth';
  /** An issuer, a base URL or an authorization endpoint. */
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Config {
  readonly mcpServerUrl: string;
  readonly provider: ProviderConfig;
  readonly scopesSupported: readonly string[];
  /** The issuer: an origin, without a trailing slash. */
  readonly baseUrl: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: the embedded database under `dataDir`. */
  readonly databaseDsn: string | undefined;
  readonly dataDir: string;
  /** 32-byte keys, the first one encrypts. Undefined: generated into `dataDir`. */
  readonly encryptionKeys: readonly Uint8Array[] | undefined;
  readonly signingAlg: 'ES256' | 'RS256';
  readonly accessTokenTtlSeconds: number;
  readonly refreshTokenTtlSeconds: number;
  readonly refreshGraceSeconds: number;
  readonly corsAllowedOrigins: readonly string[];
  readonly rateLimitMax: number;
  readonly rateLimitWindowSeconds: number;
  readonly mcpRateLimitMax: number;
  readonly redisUrl: string | undefined;
  readonly trustProxy: readonly string[];
  readonly shutdownGraceSeconds: number;
  readonly logLevel: string;
}

/** One or more variables are missing or wrong. `problems` has a line for each; no secret value is in them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration is not complete:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, with `.env` from the working directory beneath it: the environment wins. */
export function readEnvironment(directory = process.cwd()): Environment {
  const file = `${directory}/.env`;
  return { ...(existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}), ...process.env };
}

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname);
}

/** Text with a plain message for a value that does not pass `check`. */
const text = (check: (value: string) => boolean, message: string) => z.string().refine(check, message);

const httpUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
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

const wholeNumber = (example: number, min: number, max: number) =>
  text(
    (value) => /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max,
    `must be a whole number from ${min} to ${max}. Example: ${example}`,
  ).transform(Number);

const list = z.string().transform((value) => value.split(/[\s,]+/).filter((item) => item !== ''));

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
  if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return true;
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

const schema = z
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
    GOOGLE_CLIENT_ID: z.string(),
    GOOGLE_CLIENT_SECRET: z.string(),
    SCOPES_SUPPORTED: list.refine(
      (scopes) => scopes.length > 0 && scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
      'must be scopes with commas between. Example: openid,profile,email',
    ),
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
    DATA_DIR: z.string(),
    ENCRYPTION_KEY: encryptionKeys,
    MODE: text(
      (value) => value === 'proxy',
      "must be 'proxy': 'forward_auth' is not part of this version yet. Example: proxy",
    ),
    SIGNING_ALG: z.enum(['ES256', 'RS256'], { error: 'must be ES256 or RS256. Example: ES256' }),
    ACCESS_TOKEN_TTL_SECONDS: wholeNumber(3600, 30, 86_400 * 7),
    REFRESH_TOKEN_TTL_SECONDS: wholeNumber(2_592_000, 60, 86_400 * 730),
    REFRESH_GRACE_SECONDS: wholeNumber(120, 0, 3600),
    CORS_ALLOWED_ORIGINS: list.refine(
      (origins) =>
        (origins.length === 1 && origins[0] === '*') ||
        origins.every((origin) => isOrigin(origin) && !origin.endsWith('/')),
      "must be '*' or origins with commas between. Example: https://app.example.com",
    ),
    RATE_LIMIT_MAX: wholeNumber(120, 1, 1_000_000),
    RATE_LIMIT_WINDOW_SECONDS: wholeNumber(60, 1, 86_400),
    MCP_RATE_LIMIT_MAX: wholeNumber(6000, 1, 100_000_000),
    REDIS_URL: text(
      (value) => /^rediss?:\/\//.test(value) && URL.canParse(value),
      'must be a redis:// or rediss:// URL. Example: redis://redis:6379',
    ),
    TRUST_PROXY: list.refine(
      (addresses) => addresses.every(isTrustable),
      'must be addresses or networks with commas between. Example: 10.0.0.0/8',
    ),
    WORKERS: text(
      (value) => value === '1',
      'must be 1: more processes are not part of this version yet. Run more containers instead. Example: 1',
    ),
    SHUTDOWN_GRACE_SECONDS: wholeNumber(10, 0, 3600),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent. Example: info',
    }),
  })
  .partial();

export interface StorageConfig extends Pick<Config, 'databaseDsn' | 'dataDir'> {
  /** Undefined where it is not set: only the server has a default. */
  readonly baseUrl: string | undefined;
}

/**
 * Where the database is, and what the server is called: all that tools beside it need.
 * @throws ConfigError
 */
export function loadStorageConfig(environment: Environment): StorageConfig {
  const names = ['DATABASE_DSN', 'DATA_DIR', 'BASE_URL'] as const;
  const present = names.flatMap((name) => (environment[name]?.trim() ? [[name, environment[name]]] : []));
  const parsed = schema
    .pick({ DATABASE_DSN: true, DATA_DIR: true, BASE_URL: true })
    .safeParse(Object.fromEntries(present));
  if (!parsed.success) throw new ConfigError(describeIssues(parsed.error));
  const { DATABASE_DSN, DATA_DIR, BASE_URL } = parsed.data;
  return {
    databaseDsn: DATABASE_DSN,
    dataDir: DATA_DIR ?? defaultDataDir,
    baseUrl: BASE_URL === undefined ? undefined : new URL(BASE_URL).origin,
  };
}

const defaultDataDir = './data';

function describeIssues(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
}

/** Variables of a provider that this version does not start: never silently ignored. */
const laterProviders = [
  'MICROSOFT_CLIENT_ID',
  'MICROSOFT_CLIENT_SECRET',
  'MICROSOFT_TENANT',
  'GITHUB_CLIENT_ID',
  'GITHUB_CLIENT_SECRET',
];

/** @throws ConfigError with every problem at once */
export function loadConfig(environment: Environment): Config {
  const present = Object.fromEntries(
    Object.entries(environment)
      .map(([name, value]) => [name, value?.trim()] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(present);
  const problems = parsed.success ? [] : describeIssues(parsed.error);
  const values: z.infer<typeof schema> = parsed.data ?? {};

  if (present.MCP_SERVER_URL === undefined) {
    problems.push('MCP_SERVER_URL is missing: the MCP server to protect. Example: http://localhost:3000/mcp');
  }
  if (present.PORT === '0' && present.BASE_URL === undefined) {
    problems.push(
      'PORT 0 takes any free port, so BASE_URL must say the public address. Example: https://mcp.example.com',
    );
  }
  const provider = readProvider(present, problems);
  if (problems.length > 0 || provider === undefined) throw new ConfigError(problems);

  const port = values.PORT ?? 8080;
  return {
    mcpServerUrl: values.MCP_SERVER_URL ?? '',
    provider,
    scopesSupported: [...new Set(values.SCOPES_SUPPORTED ?? ['openid', 'profile', 'email'])],
    baseUrl: new URL(values.BASE_URL ?? `http://localhost:${port}`).origin,
    host: values.HOST ?? 'localhost',
    port,
    databaseDsn: values.DATABASE_DSN,
    dataDir: values.DATA_DIR ?? defaultDataDir,
    encryptionKeys: values.ENCRYPTION_KEY,
    signingAlg: values.SIGNING_ALG ?? 'ES256',
    accessTokenTtlSeconds: values.ACCESS_TOKEN_TTL_SECONDS ?? 3600,
    refreshTokenTtlSeconds: values.REFRESH_TOKEN_TTL_SECONDS ?? 30 * 86_400,
    refreshGraceSeconds: values.REFRESH_GRACE_SECONDS ?? 120,
    corsAllowedOrigins: values.CORS_ALLOWED_ORIGINS ?? ['*'],
    rateLimitMax: values.RATE_LIMIT_MAX ?? 120,
    rateLimitWindowSeconds: values.RATE_LIMIT_WINDOW_SECONDS ?? 60,
    mcpRateLimitMax: values.MCP_RATE_LIMIT_MAX ?? 6000,
    redisUrl: values.REDIS_URL,
    trustProxy: values.TRUST_PROXY ?? [],
    shutdownGraceSeconds: values.SHUTDOWN_GRACE_SECONDS ?? 10,
    logLevel: values.LOG_LEVEL ?? 'info',
  };
}

/** The one identity provider: `GOOGLE_*`, or `OAUTH_*` with a URL. Anything half-set is a problem. */
function readProvider(present: Environment, problems: string[]): ProviderConfig | undefined {
  for (const name of laterProviders.filter((name) => present[name] !== undefined)) {
    problems.push(
      `${name} is not part of this version yet: use OAUTH_AUTHORIZE_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET instead. Example: OAUTH_AUTHORIZE_URL=https://login.microsoftonline.com/<tenant id>/v2.0 or https://github.com/login/oauth/authorize`,
    );
  }
  const hasGoogle = present.GOOGLE_CLIENT_ID !== undefined || present.GOOGLE_CLIENT_SECRET !== undefined;
  const names = hasGoogle
    ? (['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'] as const)
    : (['OAUTH_AUTHORIZE_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET'] as const);
  const oauthNames = ['OAUTH_AUTHORIZE_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET'].filter(
    (name) => present[name] !== undefined,
  );
  if (hasGoogle && oauthNames.length > 0) {
    problems.push(
      `${oauthNames.join(', ')} and GOOGLE_* name two identity providers: this version signs people in through one. Remove one of them`,
    );
  }
  for (const name of names.filter((name) => present[name] === undefined)) {
    problems.push(`${name} is missing: ${whereToGet[name]}`);
  }
  const url = hasGoogle ? 'https://accounts.google.com' : present.OAUTH_AUTHORIZE_URL;
  if (url === undefined || !URL.canParse(url)) return undefined;
  if (
    /^login\.microsoftonline\.com$/.test(new URL(url).hostname) &&
    /^\/(common|organizations|consumers)(\/|$)/.test(new URL(url).pathname)
  ) {
    problems.push(
      'OAUTH_AUTHORIZE_URL must name your tenant: sign-in from any tenant is not part of this version yet. Example: https://login.microsoftonline.com/<tenant id>/v2.0',
    );
  }
  return {
    id: hasGoogle ? 'google' : 'oauth',
    url: new URL(url),
    clientId: (hasGoogle ? present.GOOGLE_CLIENT_ID : present.OAUTH_CLIENT_ID) ?? '',
    clientSecret: (hasGoogle ? present.GOOGLE_CLIENT_SECRET : present.OAUTH_CLIENT_SECRET) ?? '',
  };
}

const whereToGet = {
  OAUTH_AUTHORIZE_URL:
    'the identity provider, as its issuer, base URL or authorization endpoint. Example: https://accounts.google.com',
  OAUTH_CLIENT_ID:
    'the client ID from your identity provider’s console. Example: 1234567890-abc.apps.googleusercontent.com',
  OAUTH_CLIENT_SECRET: 'the client secret from your identity provider’s console. Example: GOCSPX-…',
  GOOGLE_CLIENT_ID:
    'the client ID from https://console.cloud.google.com/auth/clients. Example: 1234567890-abc.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET:
    'the client secret from https://console.cloud.google.com/auth/clients. Example: GOCSPX-…',
} as const;
