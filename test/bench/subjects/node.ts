/** Proxies in Node: ours, and what it is compared with. */
import { freePort } from '../../support/process.ts';
import { serverProgram } from '../support/programs.ts';
import type { World } from '../support/world.ts';
import { startAt, type Subject } from './subject.ts';

interface Variant extends Partial<Subject> {
  readonly name: string;
  readonly label: string;
  /** Flags of Node: profiles, or a trace of the garbage collector. */
  readonly flags?: readonly string[];
  /** More than `world.environment` has. */
  readonly env?: () => Promise<Readonly<Record<string, string>>>;
}

/** The compiled server with nothing but environment variables, as operators run it. */
export function ours({ flags = [], env, ...variant }: Variant): Subject {
  return {
    tokens: 'ES256',
    isChecking: true,
    async start(world) {
      const more = (await env?.()) ?? {};
      return startAt(world, variant.name, (port) => ({
        command: [world.node, ...flags, serverProgram],
        env: { ...world.environment, ...more, PORT: String(port) },
      }));
    },
    ...variant,
  };
}

export const withMetrics = async (): Promise<Record<string, string>> => ({
  METRICS_PORT: String(await freePort()),
});

const backendOf = ({ backend }: World): string => `http://127.0.0.1:${backend.port}`;

function program(name: string, args: (world: World) => readonly string[]): Subject['start'] {
  return (world) =>
    startAt(world, name, (port) => ({
      command: [world.node, world.programs.path(name), String(port), backendOf(world), ...args(world)],
    }));
}

export const bare: Subject = {
  name: 'bare',
  label: 'Bare Node passthrough, no checks',
  tokens: 'ES256',
  isChecking: false,
  start: program('passthrough', () => []),
};

export const lookUp: Subject = {
  name: 'look-up',
  label: 'Bare Node, token and grant looked up in PostgreSQL each time',
  tokens: 'ES256',
  isChecking: true,
  start: program('look-up', ({ dsn }) => [dsn]),
};

export const stock: Subject = {
  name: 'stock',
  label: '@fastify/http-proxy by default, jose verifies RS256 each time',
  tokens: 'RS256',
  isChecking: true,
  start: program('stock', ({ issuer, keyFile }) => [keyFile('RS256'), issuer]),
};
