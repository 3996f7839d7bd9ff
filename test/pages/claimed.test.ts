import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimed, plainText, claimedName } from '../../src/pages/claimed.ts';
import { renderPage } from '../../src/pages/html.ts';

describe('text that a stranger chose', () => {
  test('law: nothing in it can be unseen, reverse the text around it, or break the line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(plainText(text)).not.toMatch(
          /[\p{Cc}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{e0000}-\u{e0fff}]/u,
        );
      }),
    );
  });

  test.each([
    ['a right-to-left override', 'Claude \u{202e}elgooG', 'Claude elgooG'],
    ['isolates and marks', '\u{2067}a\u{2069}\u{200f}b\u{61c}', 'ab'],
    ['zero-width characters', 'Cla\u{200b}u\u{feff}de', 'Claude'],
    ['tag characters', 'Claude\u{e0041}\u{e007f}', 'Claude'],
    ['control characters', 'a\0b\u{7}c\u{9b}', 'abc'],
    ['runs of spaces and lines', 'Claude   \n\n\t verified', 'Claude verified'],
  ])('%s do no harm', (_, text, expected) => {
    expect(plainText(text)).toBe(expected);
  });

  test.each(['Claude', 'Ἀθηνᾶ', 'مساعد', 'می‌خواهم', 'क्षत्रिय', 'Nguyễn', '助手', 'émile'])(
    '%s stays as it is',
    (name) => {
      expect(plainText(name)).toBe(name);
    },
  );

  test('marks stacked on a letter do not cover the lines around it', () => {
    expect(plainText(`z${'\u{30a}'.repeat(50)}x`)).toBe(`z${'\u{30a}'.repeat(4)}x`);
  });

  test('long text ends in an ellipsis, and no character is cut in half', () => {
    expect(plainText('😀'.repeat(80), 60)).toBe(`${'😀'.repeat(59)}…`);
    expect(plainText('a'.repeat(60), 60)).toBe('a'.repeat(60));
  });

  test('it is isolated from the direction of the text around it', () => {
    expect(renderPage(claimed('مساعد'))).toBe('<bdi>مساعد</bdi>');
  });
});

describe('a claimed name', () => {
  const shown = (name: string) => {
    const markup = claimedName(name);
    return markup && renderPage(markup);
  };

  test('cannot close the quotes that it stands in', () => {
    expect(shown('Claude” (really "Claude")')).toBe('<bdi>Claude’ (really ’Claude’)</bdi>');
  });

  test('cannot bring a mark that looks like ours', () => {
    expect(shown('Claude ✓ ✔️ ☑️ ✅')).toBe('<bdi>Claude</bdi>');
  });

  test.each(['', ' ', '\u{202e}', '✅', '\u{200b}\u{feff}'])('%j is no name', (name) => {
    expect(shown(name)).toBeUndefined();
  });
});
