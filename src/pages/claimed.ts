/** Text that a stranger chose, made harmless to read: it cannot turn, cover or imitate the words around it. */
import { html, type Html } from './html.ts';

/** Control characters, line separators, bidirectional controls, and characters that take no space. */
const invisible =
  /[\p{Cc}\p{Zl}\p{Zp}\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e0fff}]/gu;

/** The text on one line, without what cannot be seen; longer than `maxLength` characters it ends in `…`. */
export function plainText(text: string, maxLength = 2048): string {
  const characters = Array.from(
    text
      .replaceAll(/[\t\n\r]/g, ' ')
      .replaceAll(invisible, '')
      // Combining marks beyond the needs of any script are drawn over the lines above and below.
      .replaceAll(/(\p{M}{4})\p{M}+/gu, '$1')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
  return characters.length > maxLength
    ? `${characters.slice(0, maxLength - 1).join('')}…`
    : characters.join('');
}

/** Such text for a page, isolated from the direction of the text around it. */
export function claimed(text: string, maxLength?: number): Html {
  return html`<bdi>${plainText(text, maxLength)}</bdi>`;
}

/**
 * A name that is to stand in quotes, which it cannot close; without symbols that could pass for a mark of ours (`✓`).
 * Undefined when nothing is left to read.
 */
export function claimedName(name: string): Html | undefined {
  const readable = plainText(name.replaceAll(/\p{So}\p{M}*/gu, ''), 60).replaceAll(/["“”„‟«»〝〞＂]/g, '’');
  return readable === '' ? undefined : html`<bdi>${readable}</bdi>`;
}
