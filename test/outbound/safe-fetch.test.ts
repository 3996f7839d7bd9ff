/** Reading JSON at an address that a stranger chose, against real https servers on loopback (protocol.md 76–79). */
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OutboundError } from '../../src/outbound/outbound-error.ts';
import { maxDocumentBytes } from '../../src/outbound/read-answer.ts';
import { createSafeFetch, type SafeFetchOptions } from '../../src/outbound/safe-fetch.ts';
import { createClock } from '../support/clock.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { createCertificate, describeTls } from '../support/tls.ts';

/** A loopback address that stands for a public one, beside 127.0.0.1, which stays private. */
const publicAddress = '127.0.0.2';

type Changes = Partial<Omit<SafeFetchOptions, 'policy'>> & {
  readonly policy?: Partial<SafeFetchOptions['policy']>;
};

describeTls('on real hosts (needs the program openssl)', () => {
  const certificate = createCertificate(['app.example', 'other.example']);
  let host: DocumentHost;
  let inside: DocumentHost;
  beforeAll(async () => {
    host = await startDocumentHost({ address: publicAddress, certificate });
    // The same port at the private address: whoever connects there by mistake finds it.
    inside = await startDocumentHost({ address: '127.0.0.1', port: host.port, certificate });
    inside.publish('/', { secret: true });
    host.publish('/', { hello: 'world' });
  });
  afterAll(async () => {
    await host.close();
    await inside.close();
  });

  const fetchWith = ({ policy, ...changed }: Changes = {}) =>
    createSafeFetch({
      policy: { allowedHosts: [], deniedHosts: [], allowedNetworks: [publicAddress], ...policy },
      proxy: undefined,
      clock: createClock(),
      ca: certificate.cert,
      resolveHost: async () => [publicAddress],
      timeoutMs: 2000,
      ...changed,
    });
  const get = async (address = host.url('/'), changed: Changes = {}) => fetchWith(changed)(new URL(address));
  const problemOf = async (address?: string, changed?: Changes): Promise<string> =>
    get(address, changed).then(
      () => 'none',
      (error: unknown) => {
        if (error instanceof OutboundError) return error.message;
        throw error;
      },
    );
  const arrived = () => host.requests.length + inside.requests.length;

  test('JSON at a permitted address is read', async () => {
    expect(await get()).toMatchObject({ outcome: 'fetched', json: { hello: 'world' } });
  });

  test('a type of JSON with a suffix, and with parameters, is one (protocol.md 76)', async () => {
    const types = ['application/client+json', 'application/json; charset=utf-8', 'APPLICATION/JSON'];
    for (const [index, type] of types.entries()) {
      host.publish(
        `/type${index}`,
        (_, response) => void response.writeHead(200, { 'content-type': type }).end('{}'),
      );
      expect(await problemOf(host.url(`/type${index}`))).toBe('none');
    }
    for (const [index, type] of [
      'text/json',
      'application/jsonp',
      'text/html, application/json',
      'application/+json',
    ].entries()) {
      host.publish(
        `/no${index}`,
        (_, response) => void response.writeHead(200, { 'content-type': type }).end('{}'),
      );
      expect(await problemOf(host.url(`/no${index}`))).toBe('its content type is not application/json');
    }
  });

  describe('addresses (protocol.md 78)', () => {
    const refusal = 'its host name does not lead to public addresses only';

    test.each([
      ['loopback', ['127.0.0.1']],
      ['IPv6 loopback', ['::1']],
      ['private', ['10.0.0.1']],
      ['cloud metadata', ['169.254.169.254']],
      ['mapped loopback', ['::ffff:127.0.0.1']],
      ['a public and a private one', [publicAddress, '127.0.0.1']],
      ['a private one last of many', [...Array.from({ length: 20 }, () => publicAddress), 'fd00::1']],
      ['text that is no address', ['localhost']],
      ['nothing', []],
    ])('a name that leads to %s is refused, and nobody is connected to', async (_, addresses) => {
      const before = arrived();
      expect(await problemOf(undefined, { resolveHost: async () => addresses })).toBe(refusal);
      expect(arrived()).toBe(before);
    });

    test('a name that does not exist is refused in the same words: nobody learns which internal names do', async () => {
      const resolveHost = () => Promise.reject(new Error('ENOTFOUND'));
      expect(await problemOf(undefined, { resolveHost })).toBe(refusal);
    });

    test.each([
      'https://127.0.0.1',
      'https://127.1',
      'https://2130706433',
      'https://0x7f000001',
      'https://0177.0.0.1',
      'https://[::1]',
      'https://[::ffff:127.0.0.1]',
      'https://[::ffff:7f00:1]',
      'https://[::127.0.0.1]',
      'https://[64:ff9b::127.0.0.1]',
      'https://[2002:7f00:1::]',
      'https://169.254.169.254',
      'https://0.0.0.0',
      'https://[::]',
      'https://①②⑦.0.0.1',
    ])('%s is an address, and refused without asking DNS', async (origin) => {
      const before = arrived();
      const asked: string[] = [];
      const resolveHost = async (name: string) => {
        asked.push(name);
        return [publicAddress];
      };
      expect(await problemOf(`${origin}:${host.port}/`, { resolveHost })).toBe(refusal);
      expect([asked, arrived()]).toEqual([[], before]);
    });

    test('the real DNS of this machine is asked for localhost, and not believed', async () => {
      const { resolveHost: _unused, ...rest } = host.outbound;
      const fetch = createSafeFetch({
        policy: { allowedHosts: [], deniedHosts: [], allowedNetworks: [] },
        proxy: undefined,
        clock: createClock(),
        ...rest,
        timeoutMs: 500,
      });
      await expect(fetch(new URL(`https://localhost:${host.port}/`))).rejects.toBeInstanceOf(OutboundError);
    });

    test('rebinding: only what was checked is connected to, and DNS is asked once', async () => {
      const answers = [[publicAddress], ['127.0.0.1'], ['127.0.0.1']];
      let asked = 0;
      const fetch = fetchWith({ resolveHost: async () => answers[asked++] ?? [] });
      const insideBefore = inside.requests.length;

      expect(await fetch(new URL(host.url('/')))).toMatchObject({ json: { hello: 'world' } });
      expect(asked).toBe(1);
      await expect(fetch(new URL(host.url('/')))).rejects.toThrow(refusal);
      expect(inside.requests).toHaveLength(insideBefore);
    });

    test('a connection that was checked is not used for another name', async () => {
      const seen: string[] = [];
      const fetch = fetchWith({
        resolveHost: async (name) => {
          seen.push(name);
          return [publicAddress];
        },
      });
      await fetch(new URL(host.url('/')));
      await fetch(new URL(`https://other.example:${host.port}/`));
      await fetch(new URL(host.url('/')));
      expect(seen).toEqual(['app.example', 'other.example', 'app.example']);
    });
  });

  describe('what is never done', () => {
    test.each([
      'http://app.example/',
      'ftp://app.example/',
      'file:///etc/passwd',
      'data:application/json,{}',
    ])('%s is not https', async (address) => {
      expect(await problemOf(address)).toBe('it is not https');
    });

    test('credentials in a URL are not sent', async () => {
      expect(await problemOf(`https://user:pass@app.example:${host.port}/`)).toBe('it has credentials in it');
    });

    test.each(['https://169.254.169.254/latest/meta-data', '/', 'https://other.example/'])(
      'a redirect to %s is not followed (protocol.md 77)',
      async (location) => {
        host.publish('/redirect', (_, response) => void response.writeHead(302, { location }).end());
        const before = arrived();
        expect(await problemOf(host.url('/redirect'))).toBe(
          'it redirects, and redirects are not followed here',
        );
        expect(arrived()).toBe(before + 1);
      },
    );

    test('a certificate of another name, or of an unknown authority, is not accepted', async () => {
      const invalid = 'its TLS certificate is not valid';
      expect(await problemOf(`https://third.example:${host.port}/`)).toBe(invalid);
      expect(await problemOf(undefined, { ca: createCertificate(['app.example']).cert })).toBe(invalid);
    });
  });

  describe('size and time (protocol.md 79)', () => {
    const json = { 'content-type': 'application/json' };
    const tooLarge = 'it is larger than 32 KiB';
    const filled = (size: number) => JSON.stringify({ fill: 'x'.repeat(size - '{"fill":""}'.length) });
    const publish = (path: string, listener: RequestListener) => {
      host.publish(path, listener);
      return host.url(path);
    };

    test('32 KiB are read, one byte more is not', async () => {
      const sized = (size: number) =>
        publish(`/size${size}`, (_, response) => void response.writeHead(200, json).end(filled(size)));
      expect(await problemOf(sized(maxDocumentBytes))).toBe('none');
      expect(await problemOf(sized(maxDocumentBytes + 1))).toBe(tooLarge);
    });

    test('a body without end is given up at the limit, and the connection ends', async () => {
      let sent = 0;
      const closed = deferred();
      const url = publish('/endless', (_, response) => {
        response.writeHead(200, json);
        const write = () => {
          while (!response.destroyed && response.write('x'.repeat(16_384))) sent += 16_384;
        };
        response.on('drain', write).on('close', closed.resolve);
        write();
      });
      expect(await problemOf(url)).toBe(tooLarge);
      await closed.promise;
      expect(sent).toBeLessThan(50_000_000);
    });

    test('what a small body unpacks to is bounded as well', async () => {
      const bomb = gzipSync(filled(20_000_000));
      expect(bomb.byteLength).toBeLessThan(maxDocumentBytes);
      const packed = { ...json, 'content-encoding': 'gzip' };
      expect(
        await problemOf(publish('/bomb', (_, response) => void response.writeHead(200, packed).end(bomb))),
      ).toBe(tooLarge);
      const small = publish(
        '/gzip',
        (_, response) => void response.writeHead(200, packed).end(gzipSync('{"a":1}')),
      );
      expect(await get(small)).toMatchObject({ json: { a: 1 } });
      const broken = publish('/broken', (_, response) => void response.writeHead(200, packed).end('no gzip'));
      expect(await problemOf(broken)).toBe('it cannot be decompressed');
      const unknown = { ...json, 'content-encoding': 'gzip, gzip' };
      const twice = publish('/twice', (_, response) => void response.writeHead(200, unknown).end(bomb));
      expect(await problemOf(twice)).toBe('its content encoding is not supported');
    });

    test.each<[string, RequestListener]>([
      ['no answer', () => undefined],
      ['headers and no body', (_, response) => response.writeHead(200, json).flushHeaders()],
      [
        'a byte now and then',
        (_, response) => {
          response.writeHead(200, json);
          const timer = setInterval(() => response.write(' '), 50);
          response.on('close', () => clearInterval(timer));
        },
      ],
    ])('%s: given up after the whole time', async (name, listener) => {
      const url = publish(`/slow-${name.replaceAll(' ', '-')}`, listener);
      const startedAt = performance.now();
      expect(await problemOf(url, { timeoutMs: 300 })).toBe('it took longer than 0.3 seconds');
      expect(performance.now() - startedAt).toBeLessThan(2000);
    });

    test('a name server that never answers: given up as well', async () => {
      const resolveHost = () => new Promise<never>(() => undefined);
      const startedAt = performance.now();
      expect(await problemOf(undefined, { timeoutMs: 200, resolveHost })).not.toBe('none');
      expect(performance.now() - startedAt).toBeLessThan(2000);
    });

    test('bytes that are no text are no JSON', async () => {
      const url = publish(
        '/bytes',
        (_, response) => void response.writeHead(200, json).end(Buffer.from([0xff, 0xfe])),
      );
      expect(await problemOf(url)).toBe('it is not JSON');
    });
  });

  describe('number (protocol.md 79)', () => {
    const busy = 'too many such addresses are being asked right now';

    test('requests at once are bounded, and the next one is let in when one has ended', async () => {
      const release = deferred();
      host.publish('/held', (_, response) => {
        void release.promise.then(() =>
          response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
        );
      });
      const fetch = fetchWith({ limits: { maxConcurrent: 2 } });
      const held = [fetch(new URL(host.url('/held'))), fetch(new URL(host.url('/held')))];
      await expect(fetch(new URL(host.url('/')))).rejects.toThrow(busy);
      release.resolve();
      await Promise.all(held);
      await fetch(new URL(host.url('/')));
    });

    test('requests to one host in a minute are bounded, whatever becomes of them, and other hosts are not', async () => {
      const clock = createClock();
      const fetch = fetchWith({ clock, limits: { maxPerHost: 3 } });
      await fetch(new URL(host.url('/')));
      for (const path of ['/missing', '/missing'])
        await expect(fetch(new URL(host.url(path)))).rejects.toThrow('404');
      const before = arrived();
      await expect(fetch(new URL(host.url('/')))).rejects.toThrow(busy);
      expect(arrived()).toBe(before);
      await fetch(new URL(`https://other.example:${host.port}/`));
      clock.advance({ minutes: 1 });
      await fetch(new URL(host.url('/')));
    });
  });

  test.each([
    [{ deniedHosts: ['app.example'] }],
    [{ deniedHosts: ['*.example'] }],
    [{ allowedHosts: ['*.app.example'] }],
    [{ allowedHosts: ['example'] }],
  ])('a host that the operator does not permit is not asked: %j', async (policy) => {
    const before = arrived();
    expect(await problemOf(undefined, { policy })).toBe('this server does not ask its host');
    expect(arrived()).toBe(before);
  });
});

describe('documents of known clients, which strangers may not keep from being read (protocol.md 79)', () => {
  const busy = 'too many such addresses are being asked right now';
  const askingAs = (resolveHost: NonNullable<SafeFetchOptions['resolveHost']>, limits = {}) => {
    const policy = { allowedHosts: [], deniedHosts: [], allowedNetworks: [] };
    const fetch = createSafeFetch({ policy, proxy: undefined, clock: createClock(), resolveHost, limits });
    return async (address: string) =>
      fetch(new URL(address)).catch((error: unknown) => (error instanceof Error ? error.message : ''));
  };

  test('made-up paths at the host leave a document its turn, and made-up ids are bounded as a host is', async () => {
    const ask = askingAs(async () => [], { maxPerHost: 3 });
    const askTimes = async (address: (index: number) => string) =>
      Promise.all(Array.from({ length: 4 }, async (_, index) => ask(address(index))));
    const madeUp = await askTimes((index) => `https://chatgpt.com/${index}`);
    const madeUpIds = await askTimes((index) => `https://chatgpt.com/oauth/${index}/client.json`);
    expect([madeUp, madeUpIds].map((answers) => answers.filter((answer) => answer === busy).length)).toEqual([
      1, 1,
    ]);
    expect(await ask('https://chatgpt.com/oauth/client.json')).not.toBe(busy);
  });

  test('hosts that answer slowly, however many names they have, leave room for a document', async () => {
    const release = deferred();
    const ask = askingAs(
      async (name) => {
        if (name !== 'claude.ai') await release.promise;
        return [];
      },
      { maxConcurrent: 8 },
    );
    const slow = Array.from({ length: 9 }, async (_, index) => ask(`https://h${index}.slow.example/x`));
    const known = await ask('https://claude.ai/oauth/mcp-oauth-client-metadata');
    release.resolve();
    expect((await Promise.all(slow)).filter((answer) => answer === busy)).toHaveLength(3);
    expect(known).not.toBe(busy);
  });
});

/** A promise that someone else settles. */
function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
