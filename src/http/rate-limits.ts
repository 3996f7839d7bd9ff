/** How many requests a caller may make. */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import type { Services } from '../flows/services.ts';

/** Too many requests: 429 with `Retry-After`, never an error that would end a client's session. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError';
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super('rate limited');
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * How many callers each limit counts in this process; of more, the one that was seen longest ago begins anew. Every limit
 * has to be told, or it counts 5000.
 */
const cache = 50_000;

/** Route configuration of an OAuth endpoint: `max` requests a window from one address (an IPv6 /64 is one). */
export function oauthRateLimit({ config }: Pick<Services, 'config'>): { readonly rateLimit: object } {
  return { rateLimit: limitOf(config, config.rateLimitMax) };
}

/**
 * Route configuration of the registration endpoint: ten times as many. Hosted clients register for all their users from
 * a few addresses; what registrations may fill is bounded by how many are unfinished, not by who sends them.
 */
export function registrationRateLimit({ config }: Pick<Services, 'config'>): { readonly rateLimit: object } {
  return { rateLimit: limitOf(config, config.rateLimitMax * 10) };
}

/**
 * Route configuration of introspection and back-channel logout: an MCP server may ask about each call that it gets, and a
 * provider tells of each person by itself. So as many as `/mcp` allows, by the address of the server.
 */
export function serverRateLimit({ config }: Pick<Services, 'config'>): { readonly rateLimit: object } {
  return { rateLimit: limitOf(config, config.mcpRateLimitMax) };
}

function limitOf({ rateLimitWindowSeconds }: Config, max: number) {
  return { max, timeWindow: rateLimitWindowSeconds * 1000, cache };
}

/**
 * Counters live in this process, or in Redis for all replicas. A Redis that is away limits nobody: it must not take
 * sign-in down with it.
 */
export async function registerRateLimits(
  app: FastifyInstance,
  { config, log }: Pick<Services, 'config' | 'log'>,
): Promise<void> {
  const redis = config.redisUrl === undefined ? undefined : await connectRedis(config.redisUrl, log);
  await app.register(rateLimit, {
    global: false,
    hook: 'onRequest',
    nameSpace: 'mcp-oauth-proxy-rate-limit-',
    skipOnError: true,
    ipv6Subnet: 64,
    errorResponseBuilder: (_request, context) => new RateLimitError(Math.ceil(context.ttl / 1000)),
    ...(redis === undefined ? {} : { redis }),
  });
  app.addHook('onClose', () => redis?.disconnect());
}

/** Connected when it returns, unless Redis is away: it is then tried again in the background. */
async function connectRedis(url: string, log: Services['log']): Promise<Redis> {
  const ioredis = await import('ioredis');
  const redis = new ioredis.Redis(url, {
    lazyConnect: true,
    connectTimeout: 500,
    commandTimeout: 500,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
  });
  let isAway = false;
  redis.on('ready', () => {
    isAway = false;
  });
  redis.on('error', (error: Error) => {
    if (!isAway) log.warn({ err: error }, 'Redis is away: requests are not limited');
    isAway = true;
  });
  await redis.connect().catch(() => undefined);
  return redis;
}

/** Counts the calls of a person to the MCP server, whatever token and address they come from. */
export function mcpRateLimiter(
  app: FastifyInstance,
  config: Config,
): (request: FastifyRequest) => Promise<void> {
  const check = app.createRateLimit({
    ...limitOf(config, config.mcpRateLimitMax),
    keyGenerator: (request: FastifyRequest) => `mcp ${request.principal?.subject ?? ''}`,
  });
  return async (request) => {
    const result = await check(request);
    if (!result.isAllowed && result.isExceeded) throw new RateLimitError(result.ttlInSeconds);
  };
}
