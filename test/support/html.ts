/** Reads the pages that the server sends, as a browser does. */
import type { Answer } from './app.ts';

const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

export function decodeHtml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|(\w+));/g, (reference: string, number?: string, name?: string) =>
    number === undefined ? (characters[name ?? ''] ?? reference) : String.fromCodePoint(Number(number)),
  );
}

/** Where the links of a page lead. */
export function linksOf({ body }: Answer): readonly string[] {
  return [...body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => decodeHtml(href));
}

/** The text of a page, without its tags. */
export function textOf({ body }: Answer): string {
  return decodeHtml(body.replace(/<style>.*<\/style>/s, '').replaceAll(/<[^>]*>/g, ' ')).replaceAll(
    /\s+/g,
    ' ',
  );
}
