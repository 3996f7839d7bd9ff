/** What a request is called where requests are counted: by its route, never by its address. */
import type { FastifyRequest } from 'fastify';

const names: ReadonlyMap<string, string> = new Map([
  ['/', 'home'],
  ['*', 'preflight'],
]);

/**
 * The first part of the route's pattern, and `discovery` for the well-known documents in all their forms. A stranger can
 * choose among the routes there are, and add none; what has no route is `none`.
 */
export function routeName(request: FastifyRequest): string {
  return nameOfRoute(request.routeOptions.url);
}

export function nameOfRoute(pattern: string | undefined): string {
  if (pattern === undefined) return 'none';
  if (pattern.includes('/.well-known/')) return 'discovery';
  return names.get(pattern) ?? pattern.split('/', 2)[1] ?? 'none';
}
