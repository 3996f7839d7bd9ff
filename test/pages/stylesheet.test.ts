import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { accentOf, ownAccent } from '../../src/pages/palette.ts';
import { readColour } from '../../src/pages/colour.ts';
import { stylesheetWith } from '../../src/pages/stylesheet.ts';

const stylesheet = stylesheetWith(ownAccent);

const [light = '', dark = ''] = [...stylesheet.text.matchAll(/:root \{(.*?)\}/gs)].map(
  ([, block]) => block ?? '',
);
const colours = (block: string) =>
  new Map(
    [...block.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]),
  );
const lightColours = colours(light);
const schemes = { light: lightColours, dark: new Map([...lightColours, ...colours(dark)]) };

/** Relative luminance of `#rrggbb` (WCAG 2.2, "relative luminance"). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) throw new Error('no such colour');
  const [dim = 0, bright = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (bright + 0.05) / (dim + 0.05);
}

const textPairs = [
  ['ink', 'card'],
  ['ink', 'well'],
  ['ink', 'page'],
  ['soft', 'card'],
  ['soft', 'well'],
  ['on-accent', 'accent'],
  ['accent', 'card'],
  ['accent', 'well'],
  ['accent', 'page'],
  ['on-warn', 'warn'],
  ['on-alarm', 'alarm'],
  ['on-good', 'good'],
] as const;

const edgePairs = [
  ['edge', 'card'],
  ['warn-edge', 'card'],
  ['alarm-edge', 'card'],
] as const;

describe.each(Object.entries(schemes))('in %s', (_, scheme) => {
  test.each(textPairs)('%s on %s can be read: 4.5:1 (WCAG 2.2 §1.4.3)', (text, background) => {
    expect(contrast(scheme.get(text), scheme.get(background))).toBeGreaterThanOrEqual(4.5);
  });

  test.each(edgePairs)('%s on %s can be seen: 3:1 (WCAG 2.2 §1.4.11)', (edge, background) => {
    expect(contrast(scheme.get(edge), scheme.get(background))).toBeGreaterThanOrEqual(3);
  });
});

describe('the style sheet', () => {
  test('the formula for contrast is right: black on white is 21:1, #777777 on white 4.48:1', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  });

  test('every colour has a dark twin', () => {
    expect([...colours(dark).keys()].toSorted()).toEqual([...lightColours.keys()].toSorted());
  });

  test('rules use only the colours that are checked here', () => {
    const rules = stylesheet.text.replaceAll(/:root \{.*?\}/gs, '').replaceAll(/box-shadow:[^;]*;/g, '');
    const used = [...rules.matchAll(/(?:^|[\s;{])(?:color|background): ([^;]*);/g)].map(([, value]) => value);

    expect(used.length).toBeGreaterThan(8);
    expect(used.filter((value) => !/^(var\(--[a-z-]+\)|transparent)$/.test(value ?? ''))).toEqual([]);
    expect(rules).not.toMatch(/#[0-9a-f]{3,8}\b|rgb|hsl/);
  });

  test('works in either text direction: no left or right', () => {
    expect(stylesheet.text).not.toMatch(/(?:^|[\s-])(?:left|right)\b/m);
  });

  test.each(['.button', 'summary'])('%s is at least 44 px high (WCAG 2.2 §2.5.5)', (selector) => {
    const [, size = '0'] =
      new RegExp(`\\n\\s*${selector.replace('.', '\\.')} \\{[^}]*min-block-size: ([\\d.]+)rem`).exec(
        stylesheet.text,
      ) ?? [];

    expect(Number(size) * 16).toBeGreaterThanOrEqual(44);
  });

  test('focus is visible (WCAG 2.2 §2.4.7)', () => {
    expect(stylesheet.text).toMatch(/:focus-visible \{\s*outline: 3px solid var\(--accent\);/);
    expect(stylesheet.text).not.toMatch(/outline: (none|0)/);
  });
});

describe('the operator’s colour (WCAG 2.2 §1.4.3)', () => {
  const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => value.toString(16).padStart(6, '0'));

  test('law: whatever it is, it and the text on it can be read in light and dark', () => {
    fc.assert(
      fc.property(colour, (digits) => {
        const accent = accentOf(readColour(digits) ?? '#');
        for (const [name, scheme] of Object.entries(schemes)) {
          const { fill, text } = name === 'dark' ? accent.dark : accent.light;
          expect(contrast(text, fill)).toBeGreaterThanOrEqual(4.5);
          for (const ground of ['card', 'page', 'well'])
            expect(contrast(fill, scheme.get(ground))).toBeGreaterThanOrEqual(4.5);
        }
      }),
    );
  });

  test('one that can be read stays as it is, and only where it cannot it changes', () => {
    expect(accentOf('#00695c').light).toEqual({ fill: '#00695c', text: '#ffffff' });
    expect(accentOf('#00695c').dark.fill).not.toBe('#00695c');
    expect(accentOf('#ffd54f').dark).toEqual({ fill: '#ffd54f', text: '#000000' });
    expect(accentOf('#ffd54f').light.fill).not.toBe('#ffd54f');
  });

  test('it is in the sheet, in both schemes', () => {
    const { text } = stylesheetWith(accentOf('#00695c'));
    expect(text).toContain('--accent: #00695c;');
    expect(text).toContain(`--accent: ${accentOf('#00695c').dark.fill};`);
    expect(text).not.toContain(ownAccent.light.fill);
  });
});
