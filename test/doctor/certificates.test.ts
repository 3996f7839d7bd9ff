/** Certificates as public authorities issue them (clients.md P1, P15), and what else is wrong with a whole site. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import type { Network } from '../../src/doctor/ask.ts';
import { examine, examineAddress } from '../../src/doctor/examine.ts';
import type { FindingId } from '../../src/doctor/finding.ts';
import { freePort, poll } from '../support/process.ts';
import { type Certificate, createCertificate } from '../support/tls.ts';
import { type Authority, createAuthority, type Issued } from './authority.ts';
import { address, describeFront, host, origin, type Site, startFront } from './front.ts';
import { type Running, startSite } from './site.ts';

const days = { from: -30, to: 60 };
const whole = ({ key, chain }: Issued): Certificate => ({ key, cert: chain });
const hasCaddy = spawnSync('caddy', ['version']).status === 0;

describeFront('doctor', () => {
  let running: Running;
  let authority: Authority;
  beforeAll(async () => {
    authority = createAuthority();
    running = await startSite(origin);
  });
  afterAll(async () => {
    await running.close();
    authority.remove();
  });

  async function idsWith(certificate: Certificate, site: Site = {}): Promise<readonly FindingId[]> {
    const front = await startFront(running.port, certificate, site);
    try {
      const { findings } = await examineAddress(origin, { ...front.network, ca: authority.root });
      return findings.map(({ id }) => id);
    } finally {
      await front.stop();
    }
  }

  test.each<readonly [string, readonly FindingId[], () => Certificate]>([
    ['nothing', [], () => whole(authority.issue(host, days))],
    ['nothing, of a short life', [], () => whole(authority.issue(host, { from: -2, to: 4 }))],
    ['the intermediate that is missing', ['tls.incomplete-chain'], () => authority.issue(host, days)],
    ['an end', ['tls.expired'], () => whole(authority.issue(host, { from: -60, to: -1 }))],
    ['a beginning', ['tls.expired'], () => whole(authority.issue(host, { from: 1, to: 60 }))],
    ['a near end', ['tls.expires-soon'], () => whole(authority.issue(host, { from: -80, to: 10 }))],
    ['another host', ['tls.wrong-host'], () => whole(authority.issue('other.example', days))],
    ['no authority', ['tls.not-trusted'], () => createCertificate([host])],
  ])('names %s in a certificate', async (_name, ids, issue) => {
    expect(await idsWith(issue())).toEqual(ids);
  });

  it('does not take an authority of one’s own for a chain that is incomplete', async () => {
    const own = createAuthority({ isPublic: false });
    const ids = await idsWith(own.issue(host, days));
    own.remove();
    expect(ids).toEqual(['tls.not-trusted']);
  });

  it('names http beside https', async () => {
    const front = await startFront(running.port, whole(authority.issue(host, days)));
    const place = (asked: string, port: number) =>
      port === 80
        ? { host: 'localhost', port: running.port }
        : (front.network.place?.(asked, port) ?? { host: asked, port });
    const { findings } = await examineAddress(origin, { ...front.network, ca: authority.root, place });
    await front.stop();
    expect(findings.map(({ id }) => id)).toEqual(['front.plain-http']);
  });

  it('names another server that has a page for everything, and no open door', async () => {
    const site = { location: 'default_type text/html; return 200 "<h1>It works!</h1>";' };
    expect(await idsWith(whole(authority.issue(host, days)), site)).toEqual(['front.other-server']);
  });

  it('takes a /health of the front’s own for nothing wrong', async () => {
    const site = { server: 'location = /health { return 200 "fine"; }' };
    expect(await idsWith(whole(authority.issue(host, days)), site)).toEqual([]);
  });

  test.skipIf(!hasCaddy)('finds nothing behind Caddy', async () => {
    const { key, chain } = authority.issue(host, days);
    const folder = await mkdtemp(join(tmpdir(), 'mcp-caddy-'));
    const port = await freePort();
    const site = `${origin}:${port} {\nbind 127.0.0.1\ntls cert.pem key.pem\nreverse_proxy localhost:${running.port}\n}\n`;
    await writeFile(join(folder, 'Caddyfile'), `{\nadmin off\nauto_https off\n}\n${site}`);
    await writeFile(join(folder, 'cert.pem'), chain);
    await writeFile(join(folder, 'key.pem'), key);
    const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const child = spawn('caddy', ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], {
      cwd: folder,
      env,
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    try {
      await poll(async () => canConnect(port));
      const network: Network = {
        ca: authority.root,
        resolve: async () => [address],
        place: (_host, asked) => ({ host: '127.0.0.1', port: asked === 443 ? port : 1 }),
      };
      const { findings } = await examine(running.environment, { network, idleSeconds: 1 });
      expect(findings).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      await exit;
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
