import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { css, html, renderPage } from '../../src/pages/html.ts';
import { webLink } from '../../src/pages/safe-url.ts';
import { decode } from './read-page.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('<', '>', '"', "'", '&', '`', '=', '/', '\n', '\r', '\0', ' ', 'a', ';', '#'),
  }),
);
const asShown = (text: string) => text.replaceAll('\0', '\u{fffd}');

describe('html', () => {
  test('law: no text value can put a tag, a quote or a line break into a page', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const inside = renderPage(html`<p>${text}</p>`).slice('<p>'.length, -'</p>'.length);
        expect(inside).not.toMatch(/[<>"'\n\r\0]/);
      }),
    );
  });

  test('law: no value can leave the attribute it stands in', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const page = renderPage(html`<input value="${text}" />`);
        const [, value = '', ...others] = page.split('"');
        expect(others).toEqual([' />']);
        expect(decode(value)).toBe(asShown(text));
      }),
    );
  });

  test('law: what is shown is what was given', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decode(renderPage(html`${text}`))).toBe(asShown(text));
      }),
    );
  });

  test('nested markup passes through, and is escaped once', () => {
    const inner = html`<b>${'<i>'}</b>`;

    const page = renderPage(html`<p>${inner}</p>`);

    expect(page).toBe('<p><b>&lt;i&gt;</b></p>');
  });

  test('arrays are joined, numbers printed, undefined and false are nothing', () => {
    const page = renderPage(html`${['a', html`<br />`, ['<', 1]]}${undefined}${false}${0}`);

    expect(page).toBe('a<br />&lt;10');
  });

  test('an object that looks like markup is not markup', () => {
    const lookAlike = Object.assign(Object.create(Object.getPrototypeOf(html``)) as object, {
      markup: '<script>',
    });

    expect(() => html`<p>${lookAlike as never}</p>`).toThrow(TypeError);
  });

  test('markup cannot stand in an attribute', () => {
    expect(() => html`<p title="${html`"><script>`}"></p>`).toThrow(TypeError);
    expect(() => html`<p title="${html`<b class="x"></b>`}"></p>`).toThrow(TypeError);
  });

  test.each([
    ['outside quotes', () => html`<input value=${'x'} />`],
    ['after a quoted attribute', () => html`<input name="a" ${'x'} />`],
    ['after a closed quote', () => html`<a title="x=" ${'x'}"></a>`],
    ['as a tag name', () => html`<${'x'}></a>`],
    ['in an event handler', () => html`<p onclick="${'x'}"></p>`],
    ['in a style attribute', () => html`<p style="${'x'}"></p>`],
    ['in a srcdoc', () => html`<iframe srcdoc="${'x'}"></iframe>`],
    ['in the content of a meta element', () => html`<meta content="${'x'}" />`],
    ['in a comment', () => html`<!-- ${'x'} -->`],
    [
      'in a script',
      () =>
        html`<p></p>
          ${''}
          <script>
            ${'x'};
          </script>`,
    ],
    [
      'in a style element',
      () =>
        html`<style>
          ${'x'}
        </style>`,
    ],
  ])('a value is refused %s', (_, make) => {
    expect(make).toThrow(TypeError);
  });

  test('a value is taken in a quoted attribute after other attributes, even ones that contain >', () => {
    const page = renderPage(html`<p title="a > b" class="${'x"'}" lang="${'en'}">${'>'}</p>`);

    expect(page).toBe('<p title="a > b" class="x&quot;" lang="en">&gt;</p>');
  });

  test('an address attribute takes a checked address as a whole, and no text', () => {
    const link = webLink('https://a.example/?a=1&b="');

    expect(renderPage(html`<a href="${link}">a</a>`)).toBe(
      '<a href="https://a.example/?a=1&amp;b=%22">a</a>',
    );
    expect(() => html`<a href="${'https://a.example/'}">a</a>`).toThrow(TypeError);
    expect(() => html`<a href="x${link}">a</a>`).toThrow(TypeError);
    expect(() => html`<form action="${'/consent'}"></form>`).toThrow(TypeError);
  });
});

describe('css', () => {
  test('the element holds exactly the text that is hashed (CSP Level 3 §8.2)', () => {
    const { element, text } = css`
      a > b {
        color: red;
      }
    `;

    expect(renderPage(element)).toBe(`<style>${text}</style>`);
    expect(text).toContain('a > b');
  });

  test('a colour and a style sheet may stand in it', () => {
    const inner = css`
      --ink: ${'#0a1b2c'};
    `;

    const outer = css`
      ${inner}
      a {
        color: var(--ink);
      }
    `;

    expect(outer.text).toContain(inner.text);
    expect(inner.text).toContain('--ink: #0a1b2c;');
  });

  test.each(['red', '#0A1B2C', '#0a1b2c; } body { display: none', '</style><script>', ''])(
    '%j may not',
    (value) => {
      expect(
        () => css`
          :root {
            --ink: ${value};
          }
        `,
      ).toThrow(TypeError);
    },
  );

  test('an object that looks like a style sheet may not', () => {
    const forged = { element: css``.element, text: '</style><script>alert(1)</script>' };

    expect(
      () => css`
        ${forged}
      `,
    ).toThrow(TypeError);
  });
});
