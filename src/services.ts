/** Builds the long-lived collaborators, in the order in which they need each other. */
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { readOrCreateKeyFile } from './crypto/encryption-key-file.ts';
import { Sealer } from './crypto/sealing.ts';
import { auditLog } from './flows/audit-log.ts';
import { AuditWriter } from './flows/audit-writer.ts';
import { checkEncryptionKeys } from './flows/check-encryption-keys.ts';
import { ClientKeys } from './flows/client-keys.ts';
import { Counts } from './flows/counts.ts';
import { ConnectionUse } from './flows/connection-use.ts';
import { DocumentClients } from './flows/document-clients.ts';
import { endLostRequests } from './flows/end-lost-requests.ts';
import { Events } from './flows/events.ts';
import { KeyRing } from './flows/key-ring.ts';
import { startMaintenance } from './flows/maintain.ts';
import { McpSessions } from './flows/mcp-sessions.ts';
import { OpenRequests } from './flows/open-requests.ts';
import { finishExchanges } from './flows/refresh-upstream-token.ts';
import { RevocationFeed } from './flows/revocation-feed.ts';
import type { Services } from './flows/services.ts';
import { VerifiedTokens } from './flows/verified-tokens.ts';
import type { ProviderStatus } from './identity/identity-provider.ts';
import { createIdentityProviders, type IdentityProviders } from './identity/identity-providers.ts';
import { createProxiedFetch } from './outbound/outbound-proxy.ts';
import { createSafeFetch, type SafeFetchOptions } from './outbound/safe-fetch.ts';
import type { Resource } from './protocol/resource.ts';
import { unknownMethods } from './protocol/scope-policy.ts';
import type { Database } from './repositories/database.ts';
import { migrate } from './repositories/migrate.ts';
import { openDatabase } from './repositories/open-database.ts';
import { observedDatabase } from './telemetry/observed-database.ts';
import { observedFetch } from './telemetry/observed-fetch.ts';
import { observedProviders } from './telemetry/observed-providers.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/** What a caller may bring instead of what the configuration says: for tests, and for embedding. */
export interface Overrides {
  readonly db?: Database;
  readonly clock?: () => Date;
  /** How strangers' URLs are reached. */
  readonly outbound?: Pick<SafeFetchOptions, 'resolveHost' | 'ca' | 'timeoutMs' | 'limits'>;
  /** Who wants to know how long things take. */
  readonly telemetry?: Telemetry | undefined;
  /** How identity providers are reached. */
  readonly fetch?: typeof fetch;
  /** How long one answer of an identity provider may take. Default: 10 s */
  readonly providerTimeoutMs?: number;
}

/** @throws an error with a message for the operator when the database or a key does not fit */
export async function buildServices(
  config: Config,
  log: Logger,
  overrides: Overrides = {},
): Promise<{ readonly services: Services; close(): Promise<void> }> {
  const clock = overrides.clock ?? (() => new Date());
  const { telemetry } = overrides;
  const opened =
    overrides.db ??
    (await openDatabase(config, (error) =>
      log.warn({ err: error }, 'a database connection was lost; it is made anew'),
    ));
  const db = telemetry === undefined ? opened : observedDatabase(opened, telemetry);
  try {
    await migrate(db);
    warnOfUnknownMethods(config, log);
    const sealer = new Sealer(encryptionKeys(config, log));
    await checkEncryptionKeys(db, sealer, clock());
    const events = new Events({ clock, log });
    events.listen(auditLog({ log, config }));
    const auditWriter = new AuditWriter({ db, clock, config, log });
    events.listen((recorded) => auditWriter.take(recorded));
    const counts = new Counts();
    events.listen(counts.listener);
    const keyRing = new KeyRing({ db, sealer, clock, alg: config.signingAlg });
    await keyRing.refresh();
    const verifiedTokens = new VerifiedTokens();
    const openRequests = new OpenRequests(verifiedTokens);
    const revocationFeed = new RevocationFeed({
      db: { ...db, ...db.urgent },
      onRevocation: (revocation) => {
        verifiedTokens.revoke(revocation);
        openRequests.revoke(revocation);
      },
      onSilence: () => openRequests.endAll(),
      onNewPast: async () => {
        log.warn('the database was restarted or replaced: every token is looked up anew');
        verifiedTokens.clear();
        // Everybody is looked up anew just now: this must not wait behind them.
        await endLostRequests({ db: { ...db, ...db.urgent }, openRequests });
      },
      onError: (error) =>
        log.warn({ err: error }, 'the revocation feed cannot be read; tokens are checked one by one'),
    });
    await revocationFeed.start();
    const reachedProviders = createIdentityProviders(config.providers, {
      clock,
      ...(config.outboundProxy !== undefined && {
        fetch: createProxiedFetch(config.outboundProxy, overrides.outbound?.ca),
      }),
      ...(overrides.fetch && { fetch: overrides.fetch }),
      ...(overrides.providerTimeoutMs !== undefined && { timeoutMs: overrides.providerTimeoutMs }),
      onStatus: (provider, status) =>
        log[status.state === 'ready' ? 'info' : 'warn'](
          { provider, ...describeStatus(status) },
          'identity provider',
        ),
    });
    const identityProviders =
      telemetry === undefined ? reachedProviders : observedProviders(reachedProviders, telemetry);
    hintAtLists(config, identityProviders, log);
    identityProviders.start();
    const safeFetch = createSafeFetch({
      policy: config.clientDocuments,
      proxy: config.outboundProxy,
      clock,
      ...overrides.outbound,
    });
    const fetchFor = (what: 'document' | 'keys') =>
      telemetry === undefined ? safeFetch : observedFetch(safeFetch, what, telemetry);
    const clientKeys = new ClientKeys({ fetch: fetchFor('keys'), clock, log });
    const documentClients = new DocumentClients({ db, clock, config, log }, fetchFor('document'));
    const resources = [readResource(config)] as const;
    const services = {
      config,
      db,
      clock,
      log,
      events,
      sealer,
      keyRing,
      identityProviders,
      clientKeys,
      documentClients,
      resources,
      revocationFeed,
      verifiedTokens,
      openRequests,
      mcpSessions: new McpSessions({ db, clock }),
      connectionUse: new ConnectionUse({ db, clock, config, counts }),
      counts,
    };
    const stopMaintenance = startMaintenance(services);
    auditWriter.start();
    return {
      services,
      async close() {
        identityProviders.stop();
        await stopMaintenance();
        await services.connectionUse.store().catch((error: unknown) => {
          log.warn({ err: error }, 'when connections were last used is not stored');
        });
        await finishExchanges(db);
        await revocationFeed.stop();
        await auditWriter.stop();
        if (overrides.db === undefined) await db.close();
      },
    };
  } catch (error) {
    if (overrides.db === undefined) await db.close();
    throw error;
  }
}

/** MCP grows, so it is no mistake; but a misspelt rule protects nothing, and nobody would notice. */
function warnOfUnknownMethods({ toolScopes }: Config, log: Logger): void {
  const methods = toolScopes === undefined ? [] : unknownMethods(toolScopes);
  if (methods.length > 0)
    log.warn({ methods }, 'TOOL_SCOPES has rules for methods that MCP does not have so far');
}

/** Nothing is wrong with it; but who meant their own people should hear that everybody is let in. */
function hintAtLists({ emailLists }: Config, { all }: IdentityProviders, log: Logger): void {
  const providers = all.filter(({ isPublic }) => isPublic).map(({ displayName }) => displayName);
  if (providers.length > 0 && emailLists === undefined)
    log.warn(
      { providers },
      'anyone with an account there can sign in. Lists say who may: ALLOWED_EMAILS, ALLOWED_EMAIL_DOMAINS and others',
    );
}

function encryptionKeys(config: Config, log: Logger): readonly Uint8Array[] {
  if (config.encryptionKeys !== undefined) return config.encryptionKeys;
  const { key, file, isNew } = readOrCreateKeyFile(config.dataDir);
  log.warn(
    { file },
    isNew
      ? 'ENCRYPTION_KEY is not set: a key was made. Keep this file with your backups; without it, everyone has to sign in again'
      : 'ENCRYPTION_KEY is not set: the key in this file is used',
  );
  return [key];
}

function readResource(config: Config): Resource {
  const path = '/mcp';
  const identifier = `${config.baseUrl}${path}`;
  if (config.mcpServerUrl !== undefined && isSamePlace(config.mcpServerUrl, identifier)) {
    throw new Error(
      'MCP_SERVER_URL is the public address of this server: requests would come back to it. Set it to the address of the MCP server itself',
    );
  }
  return {
    path,
    identifier,
    name: config.brand.name ?? new URL(config.baseUrl).host,
    serverUrl: config.mcpServerUrl,
  };
}

function isSamePlace(url: string, identifier: string): boolean {
  return new URL(url).href.replace(/\/$/, '') === identifier;
}

/** Not by the name `state`, which is never logged. */
function describeStatus(status: ProviderStatus): { readonly status: string; readonly reason?: string } {
  return status.state === 'ready' ? { status: 'ready' } : { status: 'unavailable', reason: status.reason };
}
