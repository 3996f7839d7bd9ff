/** Which registered redirect URI a request means, and what is added to it in the answer (OAuth 2.1 §2.3, §4.1.2). */
import { assert, constantFrom, integer, oneof, option, property, string, tuple, webUrl } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isLoopbackUri,
  isPrivateUseUri,
  matchRedirectUri,
  redirectUriProblem,
  withResponseParameters,
} from '../../src/protocol/redirect-uri.ts';

const matches = (registered: string | readonly string[], requested: string | undefined): boolean =>
  matchRedirectUri([registered].flat(), requested) !== undefined;

describe('matching', () => {
  test.each([
    'https://client.example/cb/',
    'https://client.example/CB',
    'https://client.example/cb?',
    'https://client.example/cb?x=1',
    'https://client.example/cb#x',
    'https://client.example/a/../cb',
    'https://client.example//cb',
    'https://client.example/%63b',
    'https://client.example/cb%2e',
    'https://client.example:443/cb',
    'https://client.example:8443/cb',
    'https://CLIENT.example/cb',
    'HTTPS://client.example/cb',
    'https://client.example./cb',
    'https://client.example@evil.example/cb',
    'https://user@client.example/cb',
    'https://evil.example/https://client.example/cb',
    'https://client.example/cb\\@evil.example',
    'http://client.example/cb',
    ' https://client.example/cb',
  ])('%s is not https://client.example/cb (RFC 9700 §2.1: exact string matching)', (requested) => {
    expect(matches('https://client.example/cb', requested)).toBe(false);
  });

  test.each([
    ['http://localhost/callback', 'http://localhost:51234/callback'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1:50001/'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1'],
    ['http://[::1]:8787/cb?x=1', 'http://[::1]/cb?x=1'],
    ['http://127.0.0.1:1455/cb', 'http://localhost:1455/cb'],
    ['http://localhost/cb', 'http://[::1]:9/cb'],
  ])('%s matches %s: loopback ports and names vary (RFC 8252 §7.3)', (registered, requested) => {
    expect(matches(registered, requested)).toBe(true);
  });

  test.each([
    ['http://localhost/callback', 'http://localhost:51234/other'],
    ['http://localhost/callback', 'http://localhost:51234/callback/'],
    ['http://localhost/callback', 'http://localhost:51234/callback?x=1'],
    ['http://localhost/callback?x=1', 'http://localhost:51234/callback'],
    ['http://localhost/callback', 'https://localhost:51234/callback'],
    ['https://localhost/callback', 'https://localhost:51234/callback'],
    ['http://localhost/callback', 'http://localhost:70000/callback'],
    ['http://localhost/callback', 'http://localhost.evil.example:80/callback'],
    ['http://localhost/callback', 'http://127.0.0.1.evil.example/callback'],
    ['http://localhost/callback', 'http://localhost:80@evil.example/callback'],
    ['http://localhost/callback', 'http://localhost:51234/callback#x'],
    ['http://localhost/callback', 'http://127.0.0.2/callback'],
    ['https://client.example/callback', 'http://localhost/callback'],
  ])('%s does not match %s: all but the port is exact (OAuth 2.1 §8.4.2)', (registered, requested) => {
    expect(matches(registered, requested)).toBe(false);
  });

  test('no redirect_uri means the one that is registered, and nothing when there are several (OAuth 2.1 §2.3.2)', () => {
    const one = ['https://client.example/cb'];
    expect(matchRedirectUri(one, undefined)?.uri).toBe(one[0]);
    expect(matches([...one, 'https://client.example/other'], undefined)).toBe(false);
    expect(matches([], undefined)).toBe(false);
  });

  const fragment = string({ unit: constantFrom(...'abAB01/?#@:.%&=[]-\\ '.split('')) });
  const uri = oneof(
    webUrl({ withQueryParameters: true }),
    fragment.map((tail) => `https://client.example/cb${tail}`),
    fragment.map((tail) => `http://localhost${tail}`),
  );

  test('what matches was registered, up to the port of a loopback address (RFC 9700 §2.1, RFC 8252 §7.3)', () => {
    const registered = ['https://client.example/cb', 'http://127.0.0.1/cb'];
    const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?\/cb$/;
    assert(
      property(uri, (requested) => {
        const target = matchRedirectUri(registered, requested);
        expect(target === undefined || target.uri === requested).toBe(true);
        expect(target === undefined || registered.includes(requested) || loopback.test(requested)).toBe(true);
      }),
    );
  });

  const loopbackUri = tuple(
    constantFrom('localhost', '127.0.0.1', '[::1]'),
    option(integer({ min: 0, max: 65_535 })),
    constantFrom('', '/', '/cb', '/cb/', '/CB', '/cb?x=1', '/cb?x=2', '/a/cb'),
  ).map(([host, port, path]) => ({ uri: `http://${host}${port === null ? '' : `:${port}`}${path}`, path }));

  test('between loopback URIs the path alone decides: name and port do not count (RFC 8252 §7.3)', () => {
    assert(
      property(loopbackUri, loopbackUri, (registered, requested) => {
        const isSamePath = (registered.path || '/') === (requested.path || '/');
        expect(matches(registered.uri, requested.uri)).toBe(isSamePath);
        expect(matches(registered.uri, requested.uri.replace('http:', 'https:'))).toBe(false);
        expect(matches(registered.uri.replace('http:', 'https:'), requested.uri)).toBe(false);
      }),
    );
  });

  test('a pattern is no pattern: what a client registers matches only itself (RFC 9700 §2.1)', () => {
    for (const registered of [
      'https://client.example/*',
      'https://*.client.example/cb',
      'https://client.example/:id',
      'https://global.consent.azure-apim.net/redirect/',
      'https://global.consent.azure-apim.net/redirect/a',
    ]) {
      expect(matches(registered, registered)).toBe(true);
      for (const requested of [
        'https://client.example/cb',
        'https://a.client.example/cb',
        'https://global.consent.azure-apim.net/redirect/b',
      ]) {
        expect(matches(registered, requested)).toBe(false);
      }
    }
  });

  test('every URI that may be registered matches itself, and only then (OAuth 2.1 §2.3)', () => {
    assert(
      property(uri, (registered) => {
        expect(matches(registered, registered)).toBe(redirectUriProblem(registered) === undefined);
      }),
    );
  });
});

test('loopback and private-use URIs are told from web addresses (RFC 8252 §7)', () => {
  expect(isLoopbackUri('http://[::1]:1/')).toBe(true);
  expect(isLoopbackUri('https://localhost/')).toBe(false);
  expect(isPrivateUseUri('cursor://a/b')).toBe(true);
  expect(isPrivateUseUri('http://localhost/')).toBe(false);
});

describe('response parameters', () => {
  const respond = (uri: string, parameters: Record<string, string | undefined>): string => {
    const target = matchRedirectUri([uri], uri);
    if (target === undefined) throw new Error(`${uri} cannot be registered`);
    return withResponseParameters(target, parameters);
  };

  test.each([
    ['https://client.example/cb', 'https://client.example/cb?code=c'],
    ['https://client.example/cb?', 'https://client.example/cb?code=c'],
    ['https://client.example/cb?x=%20', 'https://client.example/cb?x=%20&code=c'],
    ['https://client.example/cb?x=1&', 'https://client.example/cb?x=1&code=c'],
    ['com.example.app:cb', 'com.example.app:cb?code=c'],
  ])('%s keeps its own query (RFC 6749 §4.1.2)', (uri, expected) => {
    expect(respond(uri, { code: 'c', state: undefined })).toBe(expected);
  });

  test('the client reads back exactly what was added, each once (OAuth 2.1 §4.1.2)', () => {
    assert(
      property(string({ unit: 'grapheme' }), (state) => {
        const { searchParams } = new URL(respond('https://client.example/cb?x=1', { code: 'c', state }));
        expect(searchParams.getAll('state')).toEqual([state]);
        expect(searchParams.getAll('code')).toEqual(['c']);
        expect(searchParams.getAll('x')).toEqual(['1']);
      }),
    );
  });
});
