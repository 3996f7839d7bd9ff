/** Reads a rendered page the way its three readers do: a person, a browser, a policy. */
import { renderPage, type Html } from '../../src/pages/html.ts';

const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

/** Undoes character references, as a browser does. */
export function decode(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|(\w+));/g, (reference: string, number?: string, name?: string) =>
    number === undefined ? (characters[name ?? ''] ?? reference) : String.fromCodePoint(Number(number)),
  );
}

/** What a person reads in the body, on one line. */
export function visibleText(page: Html): string {
  const [, body = ''] = renderPage(page).split('<body>');
  return decode(body.replaceAll(/<\/?(bdi|strong|code|span|time)\b[^>]*>/g, '').replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/**
 * What a browser builds: the tags in order with the names of their attributes, without the values.
 * @throws when something outside the tags could open or close one
 */
export function structure(page: Html): readonly string[] {
  const markup = renderPage(page).replace(/<style>.*<\/style>/s, '');
  const tags = markup.match(/<[^<>]*>/g) ?? [];
  if (/[<>]/.test(markup.replaceAll(/<[^<>]*>/g, ''))) throw new Error('a loose < or >');
  return tags.map((tag) => tag.replaceAll(/="[^"]*"/g, '=""'));
}

/** The values of an attribute in the page, decoded. */
export function attributeValues(page: Html, name: string): readonly string[] {
  return [...renderPage(page).matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map(([, value = '']) =>
    decode(value),
  );
}

/** The text of the one `<style>` element. */
export function styleText(page: Html): string {
  const styles = [...renderPage(page).matchAll(/<style>(.*?)<\/style>/gs)].map(([, text = '']) => text);
  if (styles.length !== 1) throw new Error(`${styles.length} style elements`);
  return styles[0] ?? '';
}
