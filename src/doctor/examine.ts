/** All checks, side by side. None of them changes anything. */
import { type Config, ConfigError, loadConfig, loadStorageConfig, type StorageConfig } from '../config.ts';
import type { Environment } from '../config-provider.ts';
import type { Sealer } from '../crypto/sealing.ts';
import { maxIdleSeconds, probeToken, streamProbePath } from '../flows/stream-probe.ts';
import { createAsk, type Network } from './ask.ts';
import { checkDatabase } from './check-database.ts';
import { checkKeys } from './check-keys.ts';
import { checkMcpServer } from './check-mcp-server.ts';
import { checkOutside } from './check-outside.ts';
import { checkProviders } from './check-provider.ts';
import type { StreamProbe } from './check-stream.ts';
import { Report } from './finding.ts';

/** A page that may call the server when every page may. */
const anyOrigin = 'https://inspector.example';

/** The public address alone, from any machine. */
export async function examineAddress(origin: string, network: Network = {}): Promise<Report> {
  const report = new Report();
  const options = {
    isForwardAuth: false,
    corsOrigin: anyOrigin,
    ownKids: Promise.resolve(undefined),
    streamProbe: undefined,
  };
  await checkOutside(origin, options, network, report);
  return report;
}

interface ExamineOptions {
  readonly network?: Network;
  /** How long an event stream has to live in silence. Default: until the server would break it */
  readonly idleSeconds?: number | undefined;
}

/** Everything that the environment names. A configuration that is refused is a finding; what it still names is checked. */
export async function examine(
  environment: Environment,
  { network = {}, idleSeconds }: ExamineOptions = {},
): Promise<Report> {
  const report = new Report();
  const config = readConfig(environment, report);
  const storage = config ?? readStorage(environment);
  if (storage === undefined) return report;
  const sealer = config === undefined ? undefined : checkKeys(config, report);
  const ownKids = checkDatabase(storage, sealer, report);
  const origin = storage.baseUrl;
  await Promise.all([
    ownKids,
    ...(config === undefined ? [] : [checkProviders(config, report)]),
    ...(config?.mcpServerUrl === undefined
      ? []
      : [checkMcpServer(config.mcpServerUrl, config.baseUrl, createAsk({}), report)]),
    ...(origin === undefined
      ? []
      : [
          checkOutside(
            origin,
            { ...outsideOptions(config), ownKids, streamProbe: streamProbe(config, sealer, idleSeconds) },
            network,
            report,
          ),
        ]),
  ]);
  return report;
}

/** In forward-auth mode streams do not pass this server. */
function streamProbe(
  config: Config | undefined,
  sealer: Sealer | undefined,
  asked: number | undefined,
): StreamProbe | undefined {
  if (config === undefined || sealer === undefined || config.mode === 'forward_auth') return undefined;
  const { streamKeepAliveSeconds: keepAlive } = config;
  const idleSeconds = asked ?? (keepAlive === 0 ? 60 : Math.min(keepAlive + 2, maxIdleSeconds));
  const token = probeToken(sealer, idleSeconds, new Date());
  return { path: streamProbePath({ path: '/mcp' }), token, idleSeconds };
}

function outsideOptions(config: Config | undefined) {
  const origins = config?.corsAllowedOrigins ?? ['*'];
  return {
    isForwardAuth: config?.mode === 'forward_auth',
    corsOrigin: origins.includes('*') ? anyOrigin : (origins[0] ?? anyOrigin),
  };
}

function readConfig(environment: Environment, report: Report): Config | undefined {
  try {
    const config = loadConfig(environment);
    report.passed('configuration', 'the server takes it');
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) report.found('config.invalid', problem);
    report.unknown('provider', 'not checked: the configuration comes first');
    report.unknown('mcp-server', 'not checked: the configuration comes first');
    return undefined;
  }
}

function readStorage(environment: Environment): StorageConfig | undefined {
  try {
    return loadStorageConfig(environment);
  } catch {
    return undefined;
  }
}
