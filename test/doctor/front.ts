/** A real nginx with TLS in front of a server, with one thing wrong: what doctor has to name. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Network } from '../../src/doctor/ask.ts';
import { freePort, poll } from '../support/process.ts';
import { type Certificate, hasOpenssl } from '../support/tls.ts';

export const host = 'mcp.example.com';
export const origin = `https://${host}`;
/** What DNS would say: any address that is public. */
export const address = '93.184.215.14';

const program = ['nginx', '/usr/sbin/nginx'].find((name) => spawnSync(name, ['-v']).status === 0);

/** A suite that needs nginx and certificates: skipped without them, and named at the end of the test run. */
export const describeFront = program !== undefined && hasOpenssl ? describe : describe.skip;

export interface Site {
  /** nginx directives inside `server`, before the location that passes everything on. */
  readonly server?: string;
  /** Inside that location, in the place of the documented ones. */
  readonly location?: string;
  /** Inside `http`. */
  readonly http?: string;
  readonly listen?: string;
}

export interface Front {
  readonly network: Network;
  stop(): Promise<void>;
}

/** As docs/deployment.md has it. */
const documented = (port: number) => `
  proxy_pass http://127.0.0.1:${port};
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_read_timeout 1h;
  client_max_body_size 0;`;

export async function startFront(port: number, certificate: Certificate, site: Site = {}): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-doctor-'));
  const listensAt = await freePort();
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const fill = (text: string) => text.replaceAll('$PORT', String(port));
  const config = `daemon off; master_process off; pid nginx.pid; error_log stderr;
    events {} http { access_log off;
    ${folders.map((name) => `${name}_temp_path ${name};`).join(' ')}
    ${fill(site.http ?? '')}
    server {
      listen 127.0.0.1:${listensAt} ${site.listen ?? 'ssl'};
      ssl_certificate cert.pem; ssl_certificate_key key.pem;
      ${fill(site.server ?? '')}
      location / { ${fill(site.location ?? documented(port))} }
    } }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  await writeFile(join(folder, 'cert.pem'), certificate.cert);
  await writeFile(join(folder, 'key.pem'), certificate.key);
  const child = spawn(program ?? '', ['-p', folder, '-e', 'stderr', '-c', 'nginx.conf'], { cwd: folder });
  const exit = once(child, 'exit');
  let written = '';
  child.stderr.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  const stop = async () => {
    child.kill('SIGKILL');
    await exit;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await poll(async () => canConnect(listensAt), ended.signal);
  } catch (error) {
    await stop();
    throw new Error(`nginx does not listen: ${written}`, { cause: error });
  }
  return {
    network: {
      ca: certificate.cert,
      resolve: async () => [address],
      place: (_host, asked) => ({ host: '127.0.0.1', port: asked === 443 ? listensAt : 1 }),
    },
    stop,
  };
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
