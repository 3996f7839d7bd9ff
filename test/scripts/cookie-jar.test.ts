/** The scripted browser's cookies: what a real one would send. */
import { describe, expect, it } from 'vitest';
import { CookieJar } from '../../scripts/cookie-jar.ts';

function openJar(setCookie: readonly string[], from = 'http://localhost:8080/dir/page') {
  let now = Date.UTC(2026, 0, 1);
  const jar = new CookieJar(() => now);
  jar.store(new URL(from), setCookie);
  return {
    wait: (seconds: number) => void (now += seconds * 1000),
    store: (cookies: readonly string[]) => jar.store(new URL(from), cookies),
    sentTo: (url: string, request: { method?: string; isCrossSite?: boolean } = {}) =>
      jar.header({ url: new URL(url), method: 'GET', isCrossSite: false, ...request }),
  };
}

describe('cookies', () => {
  it('belong to a host and all its ports (RFC 6265bis §8.5)', () => {
    const { sentTo } = openJar(['a=1; Path=/']);

    expect(sentTo('http://localhost:9090/')).toBe('a=1');
    expect(sentTo('http://127.0.0.1:8080/')).toBeUndefined();
  });

  it.each([
    { path: '/dir', to: '/dir', isSent: true },
    { path: '/dir', to: '/dir/below', isSent: true },
    { path: '/dir', to: '/directory', isSent: false },
    { path: '/dir/', to: '/dir/below', isSent: true },
    { path: '/', to: '/anything', isSent: true },
    { path: '', to: '/dir/other', isSent: true },
    { path: '', to: '/elsewhere', isSent: false },
  ])('with Path=$path go to $to: $isSent (RFC 6265bis §5.1.4)', ({ path, to, isSent }) => {
    const { sentTo } = openJar([`a=1${path === '' ? '' : `; Path=${path}`}`]);

    expect(sentTo(`http://localhost${to}`)).toBe(isSent ? 'a=1' : undefined);
  });

  it('with the longer path come first (RFC 6265bis §5.8.3)', () => {
    const { sentTo } = openJar(['a=1; Path=/', 'a=2; Path=/dir']);

    expect(sentTo('http://localhost/dir')).toBe('a=2; a=1');
  });

  it('end with their age, which counts before a date (RFC 6265bis §5.7)', () => {
    const { sentTo, wait } = openJar([
      'age=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      'date=1; Path=/; Expires=Thu, 01 Jan 2026 00:02:00 GMT',
      'session=1; Path=/',
    ]);

    expect(sentTo('http://localhost/')).toBe('age=1; date=1; session=1');
    wait(61);
    expect(sentTo('http://localhost/')).toBe('date=1; session=1');
    wait(60);
    expect(sentTo('http://localhost/')).toBe('session=1');
  });

  it.each(['Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'])('are removed with %s', (end) => {
    const { sentTo, store } = openJar(['a=1; Path=/']);

    store([`a=; Path=/; ${end}`]);

    expect(sentTo('http://localhost/')).toBeUndefined();
  });

  it('keep what is behind the first equals sign', () => {
    const { sentTo } = openJar(['a=b=c==; Path=/']);

    expect(sentTo('http://localhost/')).toBe('a=b=c==');
  });

  it('that are Secure work on loopback, and go nowhere else in the clear', () => {
    const loopback = openJar(['a=1; Path=/; Secure']);
    const remote = openJar(['a=1; Path=/; Secure'], 'https://example.com/');

    expect(loopback.sentTo('http://localhost/')).toBe('a=1');
    expect(remote.sentTo('https://example.com/')).toBe('a=1');
    expect(remote.sentTo('http://example.com/')).toBeUndefined();
  });

  it.each([
    { sameSite: '; SameSite=Strict', get: undefined, post: undefined },
    { sameSite: '; SameSite=Lax', get: 'a=1', post: undefined },
    { sameSite: '', get: 'a=1', post: undefined },
    { sameSite: '; SameSite=None', get: 'a=1', post: 'a=1' },
  ])('from another site: "$sameSite" (RFC 6265bis §5.6.7)', ({ sameSite, get, post }) => {
    const { sentTo } = openJar([`a=1; Path=/${sameSite}`]);

    expect(sentTo('http://localhost/', { isCrossSite: true })).toBe(get);
    expect(sentTo('http://localhost/', { isCrossSite: true, method: 'POST' })).toBe(post);
    expect(sentTo('http://localhost/', { method: 'POST' })).toBe('a=1');
  });
});
