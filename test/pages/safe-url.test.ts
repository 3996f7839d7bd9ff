import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appLink, hrefOf, localPath, supportLink, webLink } from '../../src/pages/safe-url.ts';

const dangerous = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  '\u0001javascript:alert(1)',
  'java\nscript:alert(1)',
  'java\tscript:alert(1)',
  'javascript://claude.ai/%0aalert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'blob:https://claude.ai/1',
  'filesystem:https://claude.ai/temporary/1',
  'view-source:https://claude.ai/',
  'about:blank',
];

describe('links', () => {
  test.each(dangerous)('%j is never a link', (address) => {
    expect(webLink(address)).toBeUndefined();
    expect(appLink(address)).toBeUndefined();
  });

  test.each(['', 'claude.ai', '/path', '//claude.ai', 'https://', 'http://[::1'])(
    '%j is no address',
    (address) => {
      expect(webLink(address)).toBeUndefined();
      expect(appLink(address)).toBeUndefined();
    },
  );

  test.each(['https://claude.ai/cb?a=1', 'http://127.0.0.1:3334/cb'])(
    '%s is a web link and an app link',
    (address) => {
      expect(hrefOf(webLink(address))).toBe(address);
      expect(hrefOf(appLink(address))).toBe(address);
    },
  );

  test.each([
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'com.example.app:/cb',
    'vscode:mcp/install?%7B%7D',
  ])('%s opens an app, and is not a web link (RFC 8252 §7.1)', (address) => {
    expect(hrefOf(appLink(address))).toBe(address);
    expect(webLink(address)).toBeUndefined();
  });

  test('law: a web link is http or https, whatever was given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.constantFrom(...dangerous)), (address) => {
        const href = hrefOf(webLink(address));
        expect(href ?? 'https://none.example').toMatch(/^https?:\/\//);
      }),
    );
  });

  test('an object that looks like a link is not one', () => {
    expect(hrefOf({ href: 'javascript:alert(1)' })).toBeUndefined();
    expect(hrefOf('https://claude.ai/')).toBeUndefined();
  });
});

describe('paths on this server', () => {
  test('a path is taken as it is', () => {
    expect(hrefOf(localPath('/consent'))).toBe('/consent');
  });

  test.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'consent',
    '',
    'javascript:alert(1)',
    '/a b',
    '/\t/evil.example',
  ])('%j is refused', (path) => {
    expect(() => localPath(path)).toThrow(TypeError);
  });
});

describe('whom to ask', () => {
  test.each([
    ['it@example.com', 'mailto:it@example.com'],
    ['mailto:it@example.com?subject=MCP', 'mailto:it@example.com?subject=MCP'],
    ['https://help.example.com/mcp', 'https://help.example.com/mcp'],
  ])('%s is a link', (contact, href) => {
    expect(hrefOf(supportLink(contact))).toBe(href);
  });

  test.each([
    'Ask Grace, room 5',
    'http://help.example.com',
    'javascript:alert(1)',
    'it@example.com or grace@example.com',
    'javascript:x@example.com',
    'tel:+4930123456',
    ...dangerous,
  ])('%j is words', (contact) => {
    expect(supportLink(contact)).toBeUndefined();
  });
});
