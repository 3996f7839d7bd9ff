/** The colours of the pages, in light and in dark; the accent is the operator's. */
import { type Colour, contrast, readableOn } from './colour.ts';
import { css, type Css } from './html.ts';

/** For each scheme: what is filled with the accent, outlined or written in it, and the text upon it. */
export interface Accent {
  readonly light: { readonly fill: Colour; readonly text: Colour };
  readonly dark: { readonly fill: Colour; readonly text: Colour };
}

/** That of people who choose none. */
export const ownAccent: Accent = {
  light: { fill: '#2448c4', text: '#ffffff' },
  dark: { fill: '#9db4ff', text: '#0c1535' },
};

/** What an accent has to be told apart from: card, page and well. */
const grounds = {
  light: ['#ffffff', '#f3f4f6', '#f6f7f9'],
  dark: ['#191c23', '#0f1116', '#21252e'],
} as const;

/**
 * The accent from one colour: as it is where it can be read, otherwise darker in light and lighter in dark, as little as
 * it takes to be read on every ground (4.5:1, WCAG 2.2 §1.4.3). The text on it is black or white, whichever is clearer.
 */
export function accentOf(colour: Colour): Accent {
  const scheme = (fill: Colour): Accent['light'] => ({
    fill,
    text: contrast(fill, '#ffffff') >= contrast(fill, '#000000') ? '#ffffff' : '#000000',
  });
  return {
    light: scheme(readableOn(grounds.light, colour, '#000000')),
    dark: scheme(readableOn(grounds.dark, colour, '#ffffff')),
  };
}

/** Every text and background pair is at least 4.5:1, every control edge 3:1 (WCAG 2.2 §1.4.3, §1.4.11). */
export function palette(accent: Accent): Css {
  return css`
    :root {
      color-scheme: light dark;
      --page: #f3f4f6;
      --card: #ffffff;
      --well: #f6f7f9;
      --ink: #171a21;
      --soft: #575e6c;
      --line: #dfe2e8;
      --edge: #7b8393;
      --accent: ${accent.light.fill};
      --on-accent: ${accent.light.text};
      --warn: #fdf3dc;
      --on-warn: #5f3f00;
      --warn-edge: #b27a0b;
      --alarm: #fde8e6;
      --on-alarm: #7a130c;
      --alarm-edge: #c62f22;
      --good: #e2f5e8;
      --on-good: #14532d;
      --mono:
        ui-monospace, 'SF Mono', 'Cascadia Mono', 'Segoe UI Mono', 'Roboto Mono', Menlo, Consolas, monospace;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #0f1116;
        --card: #191c23;
        --well: #21252e;
        --ink: #eceef3;
        --soft: #a8afbd;
        --line: #323743;
        --edge: #7f8797;
        --accent: ${accent.dark.fill};
        --on-accent: ${accent.dark.text};
        --warn: #332709;
        --on-warn: #f8d891;
        --warn-edge: #b98a2b;
        --alarm: #3b1512;
        --on-alarm: #ffc2bb;
        --alarm-edge: #e0564a;
        --good: #12301d;
        --on-good: #a4e6b8;
      }
    }
  `;
}
