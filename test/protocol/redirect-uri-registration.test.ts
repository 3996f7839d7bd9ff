/** Redirect URIs that may be registered, and those that may not (OAuth 2.1 §2.3, RFC 8252 §7). */
import { expect, test } from 'vitest';
import { redirectUriProblem } from '../../src/protocol/redirect-uri.ts';

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
