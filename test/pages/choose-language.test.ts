import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseLanguage } from '../../src/pages/choose-language.ts';
import { languages } from '../../src/pages/texts/languages.ts';

describe('the language of a page (RFC 9110 §12.5.4)', () => {
  test.each<readonly [header: string | undefined, tag: string, why: string]>([
    [undefined, 'en', 'nothing is asked for'],
    ['', 'en', 'the header is empty'],
    ['de', 'de', 'it is there'],
    ['DE', 'de', 'case does not count'],
    ['de-AT', 'de', 'a region is content with its language (RFC 4647 §3.4)'],
    ['de-Latn-CH-1996', 'de', 'so is any longer tag'],
    ['en-US,en;q=0.9,de;q=0.8', 'en', 'the first of a browser’s list'],
    ['fr-FR,fr;q=0.9,de;q=0.8,en;q=0.7', 'de', 'the best of those there are'],
    ['en;q=0.5, de;q=0.9', 'de', 'weight goes before order'],
    ['en;q=0.501,de;q=0.502', 'de', 'three digits count'],
    ['de;q=0, en;q=0.1', 'en', 'weight 0 refuses'],
    ['*, en;q=0', 'de', 'the wildcard takes what is not refused'],
    ['fr, *;q=0.1', 'en', 'the wildcard takes the first'],
    ['de;q=0', 'en', 'a refusal alone asks for nothing'],
    ['fr', 'en', 'none is there'],
    ['dex', 'en', 'a longer word is another language'],
    ['de;q=2', 'en', 'a weight above 1 is none'],
    ['de;q=0.1234', 'en', 'a weight with four digits is none'],
    ['de;level=1', 'en', 'other parameters are not known'],
    ['d\u{e9}, de', 'de', 'what cannot be read is left out'],
    [`${'x,'.repeat(60)}de`, 'en', 'a list of more than 50 is not read to its end'],
  ])('%j gets %s: %s', (header, tag) => {
    expect(chooseLanguage(header).tag).toBe(tag);
  });

  test('law: any header gets a language that there is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('deEN-,;=q01. *\t\u{7f}')) }), (header) => {
        expect(languages).toContain(chooseLanguage(header));
      }),
    );
  });
});
