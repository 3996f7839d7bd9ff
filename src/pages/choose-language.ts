/** Reads `Accept-Language` (RFC 9110 §12.5.4): the language that a person would like best of those there are. */
import { type Language, languages } from './texts/languages.ts';

interface Range {
  readonly range: string;
  readonly quality: number;
}

/** More than a browser sends: the rest of a longer header is not looked at. */
const maxRanges = 50;

/**
 * From what is wanted most down: the language itself, or its nearest parent (`de-AT` is content with `de`; lookup, RFC
 * 4647 §3.4). `*` takes the first that is not refused with `q=0`. Who wants none of them gets the first of all.
 */
export function chooseLanguage(
  acceptLanguage: string | undefined,
  available: readonly [Language, ...Language[]] = languages,
): Language {
  const ranges = readRanges(acceptLanguage ?? '');
  const refused = new Set(ranges.filter(({ quality }) => quality === 0).map(({ range }) => range));
  const wanted = ranges.filter(({ quality }) => quality > 0).toSorted((a, b) => b.quality - a.quality);
  const candidates = available.filter(({ tag }) => !refused.has(tag.toLowerCase()));
  for (const { range } of wanted) {
    const found = range === '*' ? candidates[0] : lookUp(range, candidates);
    if (found !== undefined) return found;
  }
  return available[0];
}

function readRanges(header: string): readonly Range[] {
  return header.split(',', maxRanges).flatMap((element) => {
    const match =
      /^\s*(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i.exec(
        element,
      );
    if (match === null) return [];
    const [, range = '', quality = '1'] = match;
    return [{ range: range.toLowerCase(), quality: Number(quality) }];
  });
}

function lookUp(range: string, candidates: readonly Language[]): Language | undefined {
  for (let tag = range; tag !== ''; tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))) {
    const found = candidates.find((language) => language.tag.toLowerCase() === tag);
    if (found !== undefined) return found;
  }
  return undefined;
}
