import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { consentPage } from '../../src/pages/consent-page.ts';
import { errorPage } from '../../src/pages/error-page.ts';
import { homePage } from '../../src/pages/home-page.ts';
import { renderPage } from '../../src/pages/html.ts';
import { styleHash } from '../../src/pages/layout.ts';
import { attributeValues, structure, styleText } from './read-page.ts';
import { consentProps, errorProps, homeProps, view } from './sample-props.ts';

const pages = {
  consent: consentPage(consentProps, view),
  error: errorPage(errorProps, view),
  home: homePage(homeProps, view),
};

describe.each(Object.entries(pages))('the %s page', (_, page) => {
  test('has the style that the policy allows, and no other (CSP Level 3 §8.2)', () => {
    const hash = createHash('sha256').update(styleText(page)).digest('base64');

    expect(styleHash(view.brand)).toBe(`sha256-${hash}`);
    expect(attributeValues(page, 'style')).toEqual([]);
  });

  test('has no script and loads nothing', () => {
    const tags = structure(page);

    expect(
      tags.filter((tag) => /^<(script|img|link|iframe|object|embed|svg|base|video|audio)\b/.test(tag)),
    ).toEqual([]);
    expect(tags.filter((tag) => /\s(on\w+|src|srcset)=/.test(tag))).toEqual([]);
    expect(styleText(page)).not.toMatch(/url\(|@import|@font-face/);
    expect(attributeValues(page, 'http-equiv')).toEqual([]);
  });

  test('has a language, a title, a heading, a main part, and stays out of search engines', () => {
    const markup = renderPage(page);

    expect(markup).toMatch(/^<!doctype html>\s*<html lang="en" dir="ltr">/);
    expect(markup).toMatch(/<title>[^<]+<\/title>/);
    expect(markup).toContain('<meta name="viewport" content="width=device-width, initial-scale=1" />');
    expect(markup).toContain('<meta name="robots" content="noindex" />');
    expect(markup).toContain('<meta name="color-scheme" content="light dark" />');
    expect(structure(page).filter((tag) => tag === '<h1>')).toHaveLength(1);
    expect(structure(page).filter((tag) => tag.startsWith('<main'))).toHaveLength(1);
  });

  test('closes what it opens, in order', () => {
    const open: string[] = [];
    const misplaced = structure(page).filter((tag) => {
      const [, end, name = '', rest = ''] = /^<(\/?)([a-z][a-z0-9]*)(.*)>$/s.exec(tag) ?? [];
      if (end === '/') return open.pop() !== name;
      if (name !== '' && !rest.endsWith('/')) open.push(name);
      return false;
    });

    expect(misplaced).toEqual([]);
    expect(open).toEqual([]);
  });
});
