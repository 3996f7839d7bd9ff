/** Redirect URIs: what may be registered, and what a request may mean by them. */
import { assert, constantFrom, oneof, property, string, webUrl } from 'fast-check';
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

describe('registration', () => {
  test.each([
    'https://client.example/cb',
    'https://client.example',
    'https://client.example:8443/a/b?x=1&y',
    'https://xn--bcher-kva.example/cb',
    'http://localhost/callback',
    'http://localhost:33418/',
    'http://127.0.0.1:0/cb',
    'http://[::1]:8787/cb',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'com.example.app:/oauth2redirect',
    'com.example.app:callback',
    'vscode://vscode.github-authentication/did-authenticate',
  ])('%s may be registered (OAuth 2.1 §2.3, RFC 8252 §7)', (uri) => {
    expect(redirectUriProblem(uri)).toBeUndefined();
  });

  test.each([
    'http://evil.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://localhost.evil.example/cb',
    'http://localhost./cb',
    'http://127.0.0.2/cb',
    'http://0.0.0.0/cb',
    'http://[::ffff:127.0.0.1]/cb',
    'http://192.168.0.1/cb',
    'HTTP://evil.example/cb',
  ])('%s is refused: http is for loopback only (OAuth 2.1 §1.5, §8.4.2)', (uri) => {
    expect(redirectUriProblem(uri)).toMatch(/loopback/);
  });

  test.each([
    'https://client.example@evil.example/cb',
    'http://127.0.0.1@evil.example/cb',
    'https://user:secret@client.example/cb',
    'https://@client.example/cb',
    'https://:@client.example/cb',
    'cursor://user@host/cb',
  ])('%s is refused: it shows one host and means another (RFC 3986 §7.6)', (uri) => {
    expect(redirectUriProblem(uri)).toMatch(/credentials/);
  });

  test.each(['https://client.example/cb#', 'https://client.example/cb#x', 'com.example.app:/cb#x'])(
    '%s is refused: no fragment (RFC 6749 §3.1.2)',
    (uri) => {
      expect(redirectUriProblem(uri)).toMatch(/fragment/);
    },
  );

  test.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'javascript://client.example/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>'.replaceAll(/[<>]/g, ''),
    'vbscript:msgbox(1)',
    'file:///etc/passwd',
    'blob:https://client.example/1',
    'about:blank',
    'view-source:https://client.example',
    'filesystem:https://client.example/x',
    'intent://client.example/cb',
    'mailto:a@client.example',
    'ws://localhost/cb',
  ])('%s is refused: the scheme does not open an app (RFC 8252 §7.1)', (uri) => {
    expect(redirectUriProblem(uri)).toMatch(/scheme/);
  });

  test.each([
    '',
    '/callback',
    '//client.example/cb',
    'client.example/cb',
    'https:client.example/cb',
    'https:/client.example/cb',
    'https:///client.example/cb',
    'http:localhost/cb',
    'http:///localhost/cb',
    'https://',
    'https://client.example:99999/cb',
    'cursor:',
    'cursor://',
  ])('%j is refused: it names no place by itself (RFC 6749 §3.1.2)', (uri) => {
    expect(redirectUriProblem(uri)).toBeDefined();
  });

  test.each([
    ' https://client.example/cb',
    'https://client.example/c b',
    'https://client.example/cb\r\nSet-Cookie: a=b',
    'java\nscript:alert(1)',
    'https://client.example\\@evil.example/cb',
    'https://client.example/"><script>',
    'https://cliënt.example/cb',
    'https://client.example/\u202ecb',
    'https://client.example/cb\0',
    `https://client.example/${'a'.repeat(2048)}`,
  ])('%j is refused: not the characters of a URI (RFC 3986 §2)', (uri) => {
    expect(redirectUriProblem(uri)).toBeDefined();
  });
});

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
