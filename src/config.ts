/** Reads the environment, once. Nothing else in the program looks at `process.env`. */
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { type AuditConfig, problemsOfAudit, readAuditConfig } from './config-audit.ts';
import { readBrand } from './config-brand.ts';
import { type LimitsConfig, readLimits } from './config-limits.ts';
import { defaultAuthPort, defaultPort, problemsOfMode, problemsOfWorkers } from './config-mode.ts';
import { type ObservabilityConfig, readObservability } from './config-observability.ts';
import { type Environment, readProviders } from './config-provider.ts';
import { environmentSchema } from './config-schema.ts';
import { readToolScopes } from './config-tool-scopes.ts';
import type { EmailLists } from './identity/email-lists.ts';
import type { ProviderSettings } from './identity/provider-profile.ts';
import type { OutboundProxy } from './outbound/outbound-proxy.ts';
import type { OutboundPolicy } from './outbound/safe-fetch.ts';
import type { Brand } from './pages/brand.ts';
import type { ClientPolicy } from './protocol/client-policy.ts';
import type { ScopePolicy } from './protocol/scope-policy.ts';

export interface Config extends AuditConfig, LimitsConfig, ObservabilityConfig {
  /** `forward_auth`: another proxy passes requests on, and asks us whether it may. */
  readonly mode: 'proxy' | 'forward_auth';
  /** Where that proxy asks. Nothing else may reach this port. */
  readonly authPort: number;
  /** Undefined only in forward-auth mode, where nothing is sent there. */
  readonly mcpServerUrl: string | undefined;
  /** Where people sign in; with several, they choose. */
  readonly providers: readonly [ProviderSettings, ...ProviderSettings[]];
  /** Whose verified addresses may sign in, at any provider. Undefined: no address is needed. */
  readonly emailLists: EmailLists | undefined;
  /** What people see of those who run this server. */
  readonly brand: Brand;
  readonly scopesSupported: readonly string[];
  /** Undefined: one good token is enough for everything. */
  readonly toolScopes: ScopePolicy | undefined;
  readonly toolScopesMaxBodyBytes: number;
  /** The issuer: an origin, without a trailing slash. */
  readonly baseUrl: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: the embedded database under `dataDir`. */
  readonly databaseDsn: string | undefined;
  readonly dataDir: string;
  /** 32-byte keys, the first one encrypts. Undefined: generated into `dataDir`. */
  readonly encryptionKeys: readonly Uint8Array[] | undefined;
  /** Whether the MCP server gets the provider's access token. */
  readonly forwardAccessToken: boolean;
  /** Whether the MCP server gets a signed JWT that says who is calling. */
  readonly identityAssertion: boolean;
  /** Whether an MCP session is good only for the person that it was opened for. */
  readonly sessionBinding: boolean;
  readonly signingAlg: 'ES256' | 'RS256';
  /** Which clients may introduce themselves. */
  readonly clientRegistration: ClientPolicy;
  readonly accessTokenTtlSeconds: number;
  readonly refreshTokenTtlSeconds: number;
  readonly refreshGraceSeconds: number;
  /** How long after a sign-in its tokens may be renewed. Undefined: for as long as they are used. */
  readonly connectionTtlSeconds: number | undefined;
  /** How old the provider's last word on an active person may be. Undefined: as old as its tokens get. */
  readonly userRevalidationSeconds: number | undefined;
  readonly corsAllowedOrigins: readonly string[];
  readonly rateLimitMax: number;
  readonly rateLimitWindowSeconds: number;
  readonly mcpRateLimitMax: number;
  /** How many connections to the MCP server may be open: each request and each event stream that is under way has one. */
  readonly mcpMaxConnections: number;
  readonly redisUrl: string | undefined;
  readonly trustProxy: readonly string[];
  /** Whether a client may be the https URL of a document that describes it, and which URLs strangers may make us read. */
  readonly clientDocuments: OutboundPolicy & { readonly enabled: boolean };
  /** Undefined: the outside is reached directly. */
  readonly outboundProxy: OutboundProxy | undefined;
  /** Whether the address of a connection's last call is kept for its person. */
  readonly keepAddresses: boolean;
  /** After so much silence an event stream gets a comment. 0: never. */
  readonly streamKeepAliveSeconds: number;
  readonly shutdownGraceSeconds: number;
  /** Processes that share the ports. With 1 there is no other process. */
  readonly workers: number;
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

/** The environment, with `.env` from the working directory beneath it: the environment wins. */
export function readEnvironment(directory = process.cwd()): Environment {
  const file = `${directory}/.env`;
  return { ...(existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}), ...process.env };
}

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
  const parsed = environmentSchema
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

/** Many tools, curl among them, know these names in lower case. */
function lowerCaseProxy({ https_proxy: HTTPS_PROXY, no_proxy: NO_PROXY }: Environment): Environment {
  return { HTTPS_PROXY, NO_PROXY };
}

/** @throws ConfigError with every problem at once */
export function loadConfig(environment: Environment): Config {
  const present = Object.fromEntries(
    Object.entries({ ...lowerCaseProxy(environment), ...environment })
      .map(([name, value]) => [name, value?.trim()] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(present);
  const problems = parsed.success ? [] : describeIssues(parsed.error);
  const values: z.infer<typeof environmentSchema> = parsed.data ?? {};

  problems.push(...problemsOfMode(present), ...problemsOfWorkers(present), ...problemsOfAudit(present));
  if (present.PORT === '0' && present.BASE_URL === undefined) {
    problems.push(
      'PORT 0 takes any free port, so BASE_URL must say the public address. Example: https://mcp.example.com',
    );
  }
  const toolScopes = readToolScopes(values.TOOL_SCOPES, problems);
  const observability = readObservability(present, problems);
  const brand = readBrand(values, problems);
  const providers = readProviders(present, values, problems);
  if (problems.length > 0 || providers === undefined) throw new ConfigError(problems);

  const port = values.PORT ?? defaultPort;
  return {
    mode: values.MODE ?? 'proxy',
    authPort: values.AUTH_PORT ?? defaultAuthPort,
    mcpServerUrl: values.MCP_SERVER_URL,
    providers,
    emailLists:
      values.ALLOWED_EMAILS === undefined && values.ALLOWED_EMAIL_DOMAINS === undefined
        ? undefined
        : { emails: values.ALLOWED_EMAILS ?? [], domains: values.ALLOWED_EMAIL_DOMAINS ?? [] },
    brand,
    scopesSupported: [...new Set(values.SCOPES_SUPPORTED ?? ['openid', 'profile', 'email'])],
    toolScopes,
    toolScopesMaxBodyBytes: values.TOOL_SCOPES_MAX_BODY_BYTES ?? 1_048_576,
    baseUrl: new URL(values.BASE_URL ?? `http://localhost:${port}`).origin,
    host: values.HOST ?? 'localhost',
    port,
    databaseDsn: values.DATABASE_DSN,
    dataDir: values.DATA_DIR ?? defaultDataDir,
    encryptionKeys: values.ENCRYPTION_KEY,
    forwardAccessToken: values.FORWARD_ACCESS_TOKEN ?? true,
    identityAssertion: values.IDENTITY_ASSERTION ?? false,
    sessionBinding: values.SESSION_BINDING ?? true,
    signingAlg: values.SIGNING_ALG ?? 'ES256',
    clientRegistration: values.CLIENT_REGISTRATION ?? 'open',
    accessTokenTtlSeconds: values.ACCESS_TOKEN_TTL_SECONDS ?? 3600,
    refreshTokenTtlSeconds: values.REFRESH_TOKEN_TTL_SECONDS ?? 30 * 86_400,
    refreshGraceSeconds: values.REFRESH_GRACE_SECONDS ?? 120,
    connectionTtlSeconds: values.CONNECTION_TTL_SECONDS,
    userRevalidationSeconds: values.USER_REVALIDATION_SECONDS,
    corsAllowedOrigins: values.CORS_ALLOWED_ORIGINS ?? ['*'],
    rateLimitMax: values.RATE_LIMIT_MAX ?? 120,
    rateLimitWindowSeconds: values.RATE_LIMIT_WINDOW_SECONDS ?? 60,
    mcpRateLimitMax: values.MCP_RATE_LIMIT_MAX ?? 6000,
    mcpMaxConnections: values.MCP_MAX_CONNECTIONS ?? 16_384,
    redisUrl: values.REDIS_URL,
    trustProxy: values.TRUST_PROXY ?? [],
    clientDocuments: {
      enabled: (values.CLIENT_METADATA_DOCUMENTS ?? 'on') === 'on',
      allowedHosts: values.CLIENT_METADATA_ALLOWED_HOSTS ?? [],
      deniedHosts: values.CLIENT_METADATA_DENIED_HOSTS ?? [],
      allowedNetworks: values.CLIENT_METADATA_ALLOWED_NETWORKS ?? [],
    },
    outboundProxy:
      values.HTTPS_PROXY === undefined
        ? undefined
        : { url: values.HTTPS_PROXY, exceptions: values.NO_PROXY ?? [] },
    keepAddresses: values.KEEP_ADDRESSES ?? true,
    streamKeepAliveSeconds: values.STREAM_KEEP_ALIVE_SECONDS ?? 15,
    shutdownGraceSeconds: values.SHUTDOWN_GRACE_SECONDS ?? 10,
    ...readAuditConfig(values),
    ...readLimits(values),
    workers: values.WORKERS ?? 1,
    logLevel: values.LOG_LEVEL ?? 'info',
    ...observability,
  };
}
