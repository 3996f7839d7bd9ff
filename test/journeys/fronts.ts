/** Real proxies in front, run with the very files of docs/forward-auth: only their addresses are replaced. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { poll } from '../support/process.ts';

export interface Addresses {
  /** Where the proxy in front listens. */
  readonly front: number;
  readonly port: number;
  readonly authPort: number;
  /** `http://127.0.0.1:3000` */
  readonly mcpServer: string;
}

export interface Front {
  readonly name: string;
  readonly isHere: boolean;
  /** Starts it, and resolves when it answers. */
  start(addresses: Addresses): Promise<() => Promise<void>>;
}

export const documentation = new URL('../../docs/forward-auth/', import.meta.url);

/** Replaces each of these once or more; what is not found means that the test no longer runs what the file says. */
function substitute(text: string, replacements: readonly (readonly [string | RegExp, string])[]): string {
  return replacements.reduce((current, [what, by]) => {
    const replaced = current.replaceAll(what, by);
    if (replaced === current) throw new Error(`${String(what)} is not in the file`);
    return replaced;
  }, text);
}

async function run(
  folder: string,
  [program, ...args]: readonly [string, ...string[]],
  front: number,
): Promise<() => Promise<void>> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let written = '';
  child.stderr.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const stop = async (): Promise<void> => {
    await kill(child);
    await rm(folder, { recursive: true, force: true });
  };
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  try {
    await poll(async () => (await fetch(`http://127.0.0.1:${front}/health`)).ok, ended.signal);
  } catch (error) {
    await stop();
    throw new Error(`${program} does not answer: ${written}`, { cause: error });
  }
  return stop;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const nginxProgram = ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).status === 0);

const nginx: Front = {
  name: 'nginx',
  isHere: nginxProgram !== undefined,
  async start({ front, port, authPort, mcpServer }) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-nginx-'));
    const site = substitute(await readFile(new URL('nginx.conf', documentation), 'utf8'), [
      ['listen 443 ssl;', `listen 127.0.0.1:${front};`],
      [/ssl_certificate.*\n/g, ''],
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
      ['127.0.0.1:8081', `127.0.0.1:${authPort}`],
      ['http://127.0.0.1:3000', mcpServer],
    ]);
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const main = [
      // One process, so that ending it ends all of it.
      'daemon off; master_process off; pid nginx.pid; error_log stderr;',
      'events {} http { access_log off;',
      ...folders.map((name) => `${name}_temp_path ${name};`),
      site,
      '}',
    ];
    await writeFile(join(folder, 'nginx.conf'), main.join('\n'));
    return run(folder, [nginxProgram ?? '', '-p', folder, '-e', 'stderr', '-c', 'nginx.conf'], front);
  },
};

const caddy: Front = {
  name: 'Caddy',
  isHere: spawnSync('caddy', ['version']).status === 0,
  async start({ front, port, authPort, mcpServer }) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-caddy-'));
    const site = substitute(await readFile(new URL('Caddyfile', documentation), 'utf8'), [
      ['mcp.example.com {', `http://127.0.0.1:${front} {\n\tbind 127.0.0.1`],
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
      ['127.0.0.1:8081', `127.0.0.1:${authPort}`],
      ['127.0.0.1:3000', new URL(mcpServer).host],
    ]);
    await writeFile(join(folder, 'Caddyfile'), `{\n\tadmin off\n}\n${site}`);
    return run(folder, ['caddy', 'run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], front);
  },
};

export const fronts: readonly Front[] = [nginx, caddy];
