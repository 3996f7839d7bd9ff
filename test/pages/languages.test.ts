/** What holds for the texts of every language; that none is missing the compiler sees. */
import { describe, expect, test } from 'vitest';
import { html, renderPage } from '../../src/pages/html.ts';
import { type Language, languages } from '../../src/pages/texts/languages.ts';

/** Every text, by where it stands; what takes values gets marked ones. */
function textsIn(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') {
    const marks = Array.from({ length: value.length }, (_, index) => html`{${index}}`);
    const isPlain = path === 'consent.title' || path === 'shared.utc';
    const text: unknown = isPlain
      ? Reflect.apply(value, undefined, ['{0}'])
      : Reflect.apply(value, undefined, marks);
    return textsIn(text, path);
  }
  if (typeof value !== 'object' || value === null) throw new TypeError(`no text: ${path}`);
  const markup = renderPage(value as ReturnType<typeof html>);
  if (markup !== '') return [[path, markup]];
  return Object.entries(value).flatMap(([name, inner]) =>
    textsIn(inner, `${path}.${name}`.replace(/^\./, '')),
  );
}

const all = ({ texts }: Language) => new Map(textsIn(texts, ''));
const marksIn = (text = '') => [...new Set(text.match(/\{\d\}/g))].toSorted();

describe.each(languages.map((language) => [language.tag, language] as const))('in %s', (tag, language) => {
  test('the tag and the locale are ones that Intl knows (BCP 47)', () => {
    expect(Intl.getCanonicalLocales(tag)).toEqual([tag]);
    expect(Intl.DateTimeFormat.supportedLocalesOf(language.locale)).toEqual([language.locale]);
  });

  test('every text says all that the English one says: the same values are in it', () => {
    const english = all(languages[0]);
    for (const [path, text] of all(language)) {
      expect([path, marksIn(text)]).toEqual([path, marksIn(english.get(path))]);
    }
  });

  test('no text is empty or has a quote of a typewriter', () => {
    for (const [path, text] of all(language)) {
      const words = text.replaceAll(/<[^>]*>/g, '');
      expect([path, words.trim() === '', /["']/.test(words)]).toEqual([path, false, false]);
    }
  });
});
