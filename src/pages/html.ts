/** The `html` tag: what a page is made of. A value can only become text, whatever is in it. */
import { hrefOf, type SafeUrl } from './safe-url.ts';

class Html {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  static markupOf(value: unknown): string | undefined {
    return typeof value === 'object' && value !== null && #markup in value ? value.#markup : undefined;
  }
}

/** Markup that is safe to send. Made by `html` and `css` only: the class itself is not exported. */
export type { Html };
type HtmlValue = string | number | Html | SafeUrl | readonly HtmlValue[] | undefined | false;

/**
 * Markup with values in it. Text is escaped, nested `Html` passes through, arrays are joined, undefined and false
 * are nothing. A value may stand in text or in a double-quoted attribute; in `href` and the like only a `SafeUrl`.
 * @throws TypeError when a value stands anywhere else: escaping would not make it safe there
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const places = placesIn(strings);
  let markup = strings[0] ?? '';
  for (const [index, value] of values.entries()) {
    markup += render(value, places[index] ?? 'text') + (strings[index + 1] ?? '');
  }
  return new Html(markup);
}

/** A style sheet: the element for the page, and its text for the hash in the policy. */
export interface Css {
  readonly element: Html;
  readonly text: string;
}

/** Its values are colours as `#rrggbb`, and style sheets. @throws TypeError for any other */
export function css(strings: TemplateStringsArray, ...values: readonly (string | Css)[]): Css {
  const text = strings.reduce((before, string, index) => before + cssOf(values[index - 1]) + string);
  return { element: new Html(`<style>${text}</style>`), text };
}

function cssOf(value: string | Css | undefined): string {
  if (typeof value === 'string' && /^#[0-9a-f]{6}$/.test(value)) return value;
  const isSheet =
    typeof value === 'object' && Html.markupOf(value.element) === `<style>${value.text}</style>`;
  return isSheet ? value.text : refuse('a value in a style sheet must be a colour or a style sheet');
}

export function renderPage(page: Html): string {
  return Html.markupOf(page) ?? '';
}

type Place = 'text' | 'attribute' | 'address';

function render(value: HtmlValue, place: Place): string {
  if (value === undefined || value === false) return '';
  if (place === 'address') return escapeText(hrefOf(value) ?? refuse('an address must be a SafeUrl'));
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value));
  if (Array.isArray(value)) return value.map((item: HtmlValue) => render(item, place)).join('');
  const markup = Html.markupOf(value);
  return markup !== undefined && place === 'text' ? markup : refuse(`an object cannot stand in ${place}`);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\0': '\u{fffd}',
};

function escapeText(text: string): string {
  return text.replaceAll(/[&<>"'\n\r\0]/g, (character) => entities[character] ?? '');
}

const addressAttributes = new Set(['action', 'cite', 'data', 'formaction', 'href', 'ping', 'poster', 'src']);
const forbiddenAttribute = /^(on.*|style|srcdoc|srcset|content)$/;
const knownPlaces = new WeakMap<TemplateStringsArray, readonly Place[]>();

function placesIn(strings: TemplateStringsArray): readonly Place[] {
  const known = knownPlaces.get(strings);
  if (known !== undefined) return known;
  if (/<(script|style|!--)/i.test(strings.join('')))
    refuse('a page has no script and no comment, and its style comes from css');
  let before = '';
  const places = strings.slice(0, -1).map((string) => placeAfter((before += string)));
  knownPlaces.set(strings, places);
  return places;
}

const wholeTag = /<[^<>"]*(?:"[^"]*"[^<>"]*)*>/g;
const openAttribute = /^<[a-z][\w-]*(?:\s+[a-z-]+(?:="[^"]*")?)*\s+([a-z-]+)="([^"]*)$/;

/** Where a value stands that follows `before`, the literal parts of a template up to it. */
function placeAfter(before: string): Place {
  const rest = before.replaceAll(wholeTag, '');
  if (!rest.includes('<')) return 'text';
  const [, name, start] =
    openAttribute.exec(rest.slice(rest.indexOf('<'))) ?? refuse('a value in a tag must be in double quotes');
  if (name === undefined || forbiddenAttribute.test(name))
    return refuse('a value cannot stand in this attribute');
  if (!addressAttributes.has(name)) return 'attribute';
  return start === '' ? 'address' : refuse('an address must be the whole attribute');
}

function refuse(message: string): never {
  throw new TypeError(message);
}
