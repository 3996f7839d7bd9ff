/** Composes the server: the services, and the routes in the order in which one would explain them. */
import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import type { Services } from './flows/services.ts';
import { authenticate } from './http/authenticate.ts';
import { backendTelemetry } from './http/backend-telemetry.ts';
import { createBrowserCookies } from './http/browser-cookies.ts';
import { limitConnections } from './http/connection-limit.ts';
import { registerCors } from './http/cors.ts';
import { answerBadUrl, registerErrorHandler } from './http/error-handler.ts';
import { registerHostCheck } from './http/host-check.ts';
import { createLogger } from './http/logging.ts';
import './http/principal.ts';
import { mcpRateLimiter, registerRateLimits } from './http/rate-limits.ts';
import { createRequestIds } from './http/request-ids.ts';
import { OwnLog } from './http/own-log.ts';
import { registerRequestLog } from './http/request-log.ts';
import { registerRequestTelemetry } from './http/request-telemetry.ts';
import { scopeInspection } from './http/scope-inspection.ts';
import { cutStalledClients, slowClientOptions } from './http/slow-clients.ts';
import { registerTransportSecurity } from './http/transport-security.ts';
import { pageHeaders } from './http/send-page.ts';
import { closeGracefully } from './proxy/close-gracefully.ts';
import { registerProxy } from './proxy/register-proxy.ts';
import { readTarget } from './proxy/target.ts';
import { serverUrlOf } from './protocol/resource.ts';
import { accountRoute } from './routes/account.ts';
import { accountFormRoutes } from './routes/account-forms.ts';
import { authorizeRoute } from './routes/authorize.ts';
import { backchannelLogoutRoute } from './routes/backchannel-logout.ts';
import { callbackRoute } from './routes/callback.ts';
import { consentRoute } from './routes/consent.ts';
import { discoveryRoutes } from './routes/discovery.ts';
import { forwardAuthRoute, type GuardedResource, refusedResourceRoute } from './routes/forward-auth.ts';
import { healthRoutes } from './routes/health.ts';
import { homeRoute } from './routes/home.ts';
import { logoRoute } from './routes/logo.ts';
import { introspectRoute } from './routes/introspect.ts';
import { registerRoute } from './routes/register.ts';
import { revokeRoute } from './routes/revoke.ts';
import { streamProbeRoute } from './routes/stream-probe.ts';
import { tokenRoute } from './routes/token.ts';
import { buildServices, type Overrides } from './services.ts';
import { serveMetrics } from './telemetry/metrics-server.ts';
import { startTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { traceFields } from './telemetry/tracing.ts';

/**
 * An app that is not listening yet. `app.close()` lets open answers finish and closes what was opened here.
 * @throws an error with a message for the operator when the database or a key does not fit
 */
export async function buildApp(
  config: Config,
  overrides: Overrides & {
    readonly log?: Logger;
    /** Takes what is counted, in the place of a port of this process. */
    readonly exposeMetrics?: ExposeMetrics;
  } = {},
): Promise<FastifyInstance> {
  const log = overrides.log ?? createLogger(config.logLevel, undefined, config.tracing && traceFields);
  const telemetry = await startTelemetry(config, log);
  const { services, close } = await buildServices(config, log, { ...overrides, telemetry });
  const app = createFastify(config, log);
  closeGracefully(app, config.shutdownGraceSeconds * 1000);
  app.addHook('onClose', close);
  app.decorateRequest('principal', undefined);

  registerRequestTelemetry(app, telemetry);
  await serveTelemetry(app, services, telemetry, overrides.exposeMetrics);
  registerRequestLog(app, log.isLevelEnabled('debug'));
  registerTransportSecurity(app, services);
  registerHostCheck(app, config.baseUrl);
  await registerCors(app, config);
  limitConnections(app, config.maxConnections);
  await app.register(helmet, pageHeaders(config));
  await app.register(cookie);
  await registerRateLimits(app, services);
  registerErrorHandler(app, services);

  await app.register(healthRoutes, { services });
  await app.register(discoveryRoutes, { services });
  await app.register(async (oauth) => {
    oauth.addHook('onSend', async (_request, reply) => {
      reply
        .header('cache-control', 'no-store')
        .header('pragma', 'no-cache')
        .header('x-content-type-options', 'nosniff');
    });
    await oauth.register(registerRoute, { services });
    await oauth.register(async (forms) => {
      forms.removeAllContentTypeParsers();
      await forms.register(formbody, { bodyLimit: 16_384 });
      await forms.register(tokenRoute, { services });
      await forms.register(revokeRoute, { services });
      await forms.register(introspectRoute, { services });
      await forms.register(backchannelLogoutRoute, { services });
    });
  });
  const cookies = createBrowserCookies(config.baseUrl);
  await app.register(homeRoute, { services });
  if (config.brand.logo !== undefined) await app.register(logoRoute, { logo: config.brand.logo });
  await app.register(authorizeRoute, { services, cookies });
  await app.register(consentRoute, { services, cookies });
  await app.register(callbackRoute, { services, cookies });
  await app.register(accountRoute, { services, cookies });
  await app.register(accountFormRoutes, { services, cookies });
  const limitRate = mcpRateLimiter(app, config);
  if (config.mode === 'forward_auth') {
    const [resource] = services.resources;
    const guarded = { services, resource, authenticate: authenticate(services, resource, limitRate) };
    await app.register(refusedResourceRoute, guarded);
    const authApp = await buildAuthApp(log, guarded, telemetry);
    app.addHook('onReady', async () => {
      await authApp.listen({ host: config.host, port: config.authPort });
    });
    app.addHook('preClose', () => authApp.close());
    return app;
  }
  await app.register(streamProbeRoute, { services });
  for (const resource of services.resources) {
    await app.register(registerProxy, {
      resource: { ...resource, target: readTarget(serverUrlOf(resource), resource.path) },
      publicOrigin: config.baseUrl,
      authenticate: authenticate(services, resource, limitRate),
      openRequests: services.openRequests,
      keepAliveMs: config.streamKeepAliveSeconds * 1000,
      maxConnections: config.mcpMaxConnections,
      sessions: config.sessionBinding ? services.mcpSessions : undefined,
      inspection: scopeInspection(services),
      observe: backendTelemetry(telemetry),
    });
  }
  return app;
}

type ExposeMetrics = (registry: Registry) => void;

/** Metrics are there as long as the app is; traces are sent to the last when it stops. */
async function serveTelemetry(
  app: FastifyInstance,
  services: Services,
  telemetry: Telemetry | undefined,
  expose: ExposeMetrics | undefined,
): Promise<void> {
  const { metrics: place } = services.config;
  if (telemetry?.tracing !== undefined) app.addHook('onClose', () => telemetry.tracing?.stop());
  if (telemetry?.metrics === undefined || place === undefined) return;
  const { registry } = telemetry.metrics;
  const { exposeState } = await import('./telemetry/state-metrics.ts');
  exposeState(registry, services);
  if (expose !== undefined) return expose(registry);
  let stop = (): void => undefined;
  app.addHook('onReady', async () => {
    const served = await serveMetrics(registry, place);
    stop = served.close;
    services.log.info(place.port === 0 ? { ...place, port: served.port } : place, 'metrics are served');
  });
  app.addHook('onClose', async () => stop());
}

/** What the proxy in front asks, in forward-auth mode: on a port of its own, with nothing else on it. */
async function buildAuthApp(
  log: Logger,
  guarded: GuardedResource,
  telemetry: Telemetry | undefined,
): Promise<FastifyInstance> {
  const { services } = guarded;
  const app = createFastify(services.config, log);
  app.decorateRequest('principal', undefined);
  registerRequestTelemetry(app, telemetry);
  registerRequestLog(app, log.isLevelEnabled('debug'));
  limitConnections(app, services.config.maxConnections);
  await app.register(helmet, pageHeaders(services.config));
  registerErrorHandler(app, services);
  await app.register(forwardAuthRoute, guarded);
  return app;
}

/** A server by itself, with the limits that every port of ours has. */
function createFastify(config: Config, log: Logger): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  const { http, ...slowClients } = slowClientOptions(config.clientTimeoutSeconds * 1000);
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: createRequestIds(),
    childLoggerFactory: (logger, bindings) => new OwnLog(logger, bindings),
    trustProxy: config.trustProxy.length === 0 ? false : [...config.trustProxy],
    bodyLimit: 65_536,
    ...slowClients,
    // A browser may hold a cookie for each of many consent pages, and sends them all.
    http: { ...http, maxHeaderSize: 32_768 },
    forceCloseConnections: 'idle',
    frameworkErrors: answerBadUrl,
  });
  // Node would drop the last of very many headers without a word. Their size is bounded already.
  app.server.maxHeadersCount = 0;
  cutStalledClients(app);
  return app;
}
