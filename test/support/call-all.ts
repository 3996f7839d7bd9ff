/** One access token at every instance: whom each of them lets through. */
import type { TestApp } from './app.ts';
import { callMcp } from './authorize.ts';
import { poll } from './process.ts';

/** The sample MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
export const reachedMcpServer = 406;

/** The status with which each instance answers. */
export async function callAll(
  instances: readonly TestApp[],
  accessToken: string,
): Promise<readonly number[]> {
  return Promise.all(
    instances.map(async (instance) => (await callMcp(instance, accessToken, { method: 'POST' })).statusCode),
  );
}

/** Milliseconds until every instance refuses the token with 401. */
export async function timeUntilAllRefuse(
  instances: readonly TestApp[],
  accessToken: string,
): Promise<number> {
  const from = performance.now();
  await poll(async () => (await callAll(instances, accessToken)).every((status) => status === 401));
  return performance.now() - from;
}
