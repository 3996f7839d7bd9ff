/** How many callers a rate limit counts: more than there are, and yet an end (design: bounded everything). */
import Fastify, { type FastifyRequest } from 'fastify';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import '../../src/http/principal.ts';
import { mcpRateLimiter, RateLimitError, registerRateLimits } from '../../src/http/rate-limits.ts';

test('50,000 people are counted by an instance; of more, the one that was seen longest ago begins anew', async () => {
  const config = {
    ...loadConfig({
      MCP_SERVER_URL: 'http://localhost:3000/mcp',
      OAUTH_AUTHORIZE_URL: 'https://login.example.com',
      OAUTH_CLIENT_ID: 'client',
      OAUTH_CLIENT_SECRET: 'secret',
    }),
    mcpRateLimitMax: 1,
    rateLimitWindowSeconds: 3600,
  };
  const app = Fastify();
  onTestFinished(() => app.close());
  await registerRateLimits(app, { config, log: pino({ level: 'silent' }) });
  const limit = mcpRateLimiter(app, config);
  const call = async (subject: string) =>
    limit({ principal: { subject }, routeOptions: { config: {} } } as FastifyRequest);

  await call('ada');
  for (let count = 1; count < 50_000; count += 1) await call(`person-${count}`);
  await expect(call('ada')).rejects.toThrow(RateLimitError);

  for (let count = 0; count < 50_000; count += 1) await call(`other-${count}`);
  await expect(call('ada')).resolves.toBeUndefined();
});
