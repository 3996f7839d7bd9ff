/** What a real nginx does to event streams (clients.md P16), and who may open the one that doctor looks at. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Sealer } from '../../src/crypto/sealing.ts';
import { examine } from '../../src/doctor/examine.ts';
import { probeToken, streamProbePath } from '../../src/flows/stream-probe.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Certificate, createCertificate } from '../support/tls.ts';
import { describeFront, host, origin, startFront } from './front.ts';
import { type Running, startSite } from './site.ts';

const path = streamProbePath({ path: '/mcp' });

describeFront('behind nginx', () => {
  let running: Running;
  let certificate: Certificate;
  beforeAll(async () => {
    certificate = createCertificate([host]);
    running = await startSite(origin);
  });
  afterAll(async () => running.close());

  async function streamFindings(location: string): Promise<readonly string[]> {
    const front = await startFront(running.port, certificate, {
      location: `proxy_pass http://127.0.0.1:$PORT; client_max_body_size 0; ${location}`,
    });
    try {
      const { findings } = await examine(running.environment, { network: front.network, idleSeconds: 3 });
      return findings.filter(({ area }) => area === 'streams').map(({ id }) => id);
    } finally {
      await front.stop();
    }
  }

  test.each([
    [
      'events that are collected, whatever we ask for',
      'proxy_ignore_headers X-Accel-Buffering;',
      ['stream.buffered'],
    ],
    ['a silence that is cut', 'proxy_read_timeout 2s;', ['stream.cut']],
    ['nothing where buffering is on, since nginx does as X-Accel-Buffering says', 'proxy_buffering on;', []],
  ])('names %s', async (_name, location, ids) => {
    expect(await streamFindings(location)).toEqual(ids);
  });

  it('names callers that cannot be told apart (clients.md P15)', async () => {
    const distrusting = await startSite(origin, { TRUST_PROXY: '' });
    const front = await startFront(distrusting.port, certificate);
    const options = { network: front.network, idleSeconds: 1 };
    const { findings } = await examine(distrusting.environment, options);
    await front.stop();
    await distrusting.close();
    expect(findings.map(({ id }) => id)).toEqual(['front.client-address']);
  });
});

describe('the stream', () => {
  const key = randomBytes(32);
  let proxy: TestApp;
  beforeAll(async () => {
    proxy = await startTestApp({ config: { encryptionKeys: [key] } });
  });
  afterAll(() => proxy.close());

  const open = async (token: string) =>
    proxy.send({ url: path, headers: { authorization: `Bearer ${token}` } });

  it('plays its events to who holds the key', async () => {
    const answer = await open(probeToken(new Sealer([key]), 0, proxy.clock()));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.headers['cache-control']).toContain('no-store');
    expect(answer.body.match(/event: \w+/g)).toEqual(['event: first', 'event: second', 'event: last']);
  });

  it.each([
    ['no token', () => ''],
    ['a token under another key', () => probeToken(new Sealer([randomBytes(32)]), 0, proxy.clock())],
    ['an old token', () => probeToken(new Sealer([key]), 0, new Date(proxy.clock().getTime() - 121_000))],
    ['a value that was sealed for something else', () => sealedElsewhere(new Sealer([key]))],
    ['a long one', () => 'x'.repeat(10_000)],
  ])('is not there for %s', async (_name, token) => {
    expect((await open(token())).statusCode).toBe(404);
  });

  it('does not play for more than a few at once', async () => {
    const token = probeToken(new Sealer([key]), 0, proxy.clock());
    const answers = await Promise.all(Array.from({ length: 12 }, async () => open(token)));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(4);
    expect(answers.filter(({ statusCode }) => statusCode === 503)).toHaveLength(8);
    expect((await open(token)).statusCode).toBe(200);
  });
});

function sealedElsewhere(sealer: Sealer): string {
  const text = JSON.stringify({ expiresAt: Date.now() + 60_000, idleSeconds: 1 });
  return Buffer.from(sealer.seal(text, 'elsewhere')).toString('base64url');
}
