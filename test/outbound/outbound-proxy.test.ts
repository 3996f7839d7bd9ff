/** The operator's HTTP proxy: what goes through it, and what is checked before (clients.md P25). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBoundedFetch } from '../../src/identity/bounded-fetch.ts';
import { createProxiedFetch, isProxied } from '../../src/outbound/outbound-proxy.ts';
import { createSafeFetch, type SafeFetchOptions } from '../../src/outbound/safe-fetch.ts';
import { startTestApp } from '../support/app.ts';
import { register, signIn } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { createCertificate, describeTls } from '../support/tls.ts';

describe('NO_PROXY', () => {
  const goes = (exceptions: readonly string[], address: string) =>
    isProxied({ url: 'http://proxy.example:3128', exceptions }, new URL(address));

  test.each([
    ['app.example', 'https://app.example/'],
    ['app.example', 'https://below.app.example/'],
    ['.app.example', 'https://below.app.example/'],
    ['*.app.example', 'https://below.app.example/'],
    ['APP.example', 'https://app.example/'],
    ['app.example:8443', 'https://app.example:8443/'],
    ['app.example:443', 'https://app.example/'],
    ['192.0.2.1', 'https://192.0.2.1/'],
    ['2001:db8::1', 'https://[2001:db8::1]/'],
    ['*', 'https://app.example/'],
  ])('%s: %s is reached directly', (exception, address) => {
    expect(goes(['else.example', exception], address)).toBe(false);
  });

  test.each([
    ['app.example', 'https://myapp.example/'],
    ['app.example', 'https://app.example.evil/'],
    ['app.example:8443', 'https://app.example/'],
    ['2.1', 'https://192.0.2.1/'],
    ['', 'https://app.example/'],
    ['.', 'https://app.example/'],
  ])('%s: %s goes through the proxy', (exception, address) => {
    expect(goes([exception], address)).toBe(true);
  });

  test.each(['https://localhost/', 'https://127.0.0.1:8443/', 'https://[::1]/', 'http://app.example/'])(
    '%s never does',
    (address) => {
      expect(goes([], address)).toBe(false);
    },
  );

  test('without a proxy nothing does', () => {
    expect(isProxied(undefined, new URL('https://app.example/'))).toBe(false);
  });
});

describeTls('through a real proxy (needs the program openssl)', () => {
  let host: DocumentHost;
  let proxy: ConnectProxy;
  beforeAll(async () => {
    host = await startDocumentHost();
    host.publish('/', { hello: 'world' });
  });
  afterAll(() => host.close());
  beforeEach(async () => {
    proxy = await startConnectProxy((name) => (name === host.hostname ? '127.0.0.1' : undefined));
    return () => proxy.close();
  });

  const fetchWith = (changed: Partial<SafeFetchOptions>, allowedHosts: readonly string[] = []) =>
    createSafeFetch({
      policy: { allowedHosts, deniedHosts: [], allowedNetworks: [] },
      proxy: { url: proxy.url, exceptions: [] },
      clock: createClock(),
      ca: host.outbound.ca ?? '',
      resolveHost: async () => ['93.184.215.14'],
      ...changed,
    })(new URL(host.url('/')));

  test('a name that is public here is given to the proxy, which connects', async () => {
    expect(await fetchWith({})).toMatchObject({ json: { hello: 'world' } });
    expect(proxy.asked.map(({ target }) => target)).toEqual([`${host.hostname}:${host.port}`]);
  });

  test('a name that is not public here is not given to the proxy', async () => {
    for (const addresses of [['127.0.0.1'], ['10.0.0.1'], []]) {
      await expect(fetchWith({ resolveHost: async () => addresses })).rejects.toThrow('public addresses');
    }
    expect(proxy.asked).toEqual([]);
  });

  test('a name that the operator lists is given to the proxy unseen: it may exist only there', async () => {
    const resolveHost = () => Promise.reject(new Error('not asked'));
    expect(await fetchWith({ resolveHost }, ['app.example'])).toMatchObject({ json: { hello: 'world' } });
  });

  test('the certificate is checked all the way, through the tunnel', async () => {
    await expect(fetchWith({ ca: createCertificate(['app.example']).cert })).rejects.toThrow('certificate');
  });

  test('a proxy that refuses, or is away, is a failure and not a way around it', async () => {
    const refusing = await startConnectProxy(() => undefined);
    await expect(fetchWith({ proxy: { url: refusing.url, exceptions: [] } })).rejects.toThrow('connection');
    await refusing.close();
    const before = host.requests.length;
    await expect(fetchWith({ proxy: { url: refusing.url, exceptions: [] } })).rejects.toThrow('connection');
    expect(host.requests).toHaveLength(before);
  });

  test('the proxy’s password goes to the proxy, and not to the host', async () => {
    const url = proxy.url.replace('//', '//user:secret@');
    await fetchWith({ proxy: { url, exceptions: [] } });
    expect(proxy.asked[0]?.headers['proxy-authorization']).toBe(`Basic ${btoa('user:secret')}`);
    expect(host.requests.at(-1)?.headers).not.toHaveProperty('proxy-authorization');
  });

  test('the identity provider’s answers come through it whole', async () => {
    const fetch = createBoundedFetch({
      fetch: createProxiedFetch({ url: proxy.url, exceptions: [] }, host.outbound.ca),
      timeoutMs: 2000,
      maxBytes: 1000,
      allowsLoopback: false,
    });
    const answer = await fetch(host.url('/'), { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
    expect([answer.status, await answer.json()]).toEqual([200, { hello: 'world' }]);
    expect(proxy.asked).toHaveLength(1);
  });

  test('sign-in at a provider on this machine works as it does without a proxy', async () => {
    const app = await startTestApp({ config: { outboundProxy: { url: proxy.url, exceptions: [] } } });
    expect((await signIn(app, await register(app))).accessToken).toContain('.');
    expect(proxy.asked).toEqual([]);
    await app.close();
  });

  test('the identity provider is reached through it too, unless it is on this machine', async () => {
    const fetch = createProxiedFetch({ url: proxy.url, exceptions: [] });
    await expect(fetch('https://login.example/.well-known/openid-configuration')).rejects.toThrow(
      'fetch failed',
    );
    expect(proxy.asked.map(({ target }) => target)).toEqual(['login.example:443']);
    const direct = await fetch(`${proxy.url}/direct`);
    expect(direct.status).toBe(405);
    expect(proxy.asked).toHaveLength(1);
  });
});
