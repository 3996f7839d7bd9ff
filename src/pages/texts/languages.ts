/** The languages that pages are shown in. One more is a folder beside `en`, and its entry here. */
import { de } from './de/index.ts';
import { en } from './en/index.ts';

/** Every text that people read. A language that lacks one does not compile. */
export type Texts = typeof en;

export interface Language {
  /** For `lang` and `Content-Language` (BCP 47). */
  readonly tag: string;
  readonly direction: 'ltr' | 'rtl';
  readonly texts: Texts;
  /** Whose way to write dates and lists it has. */
  readonly locale: string;
}

const english: Language = { tag: 'en', direction: 'ltr', locale: 'en-GB', texts: en };
const german: Language = { tag: 'de', direction: 'ltr', locale: 'de-DE', texts: de };

/** The first is that of everyone who asks for none of them. */
export const languages: readonly [Language, ...Language[]] = [english, german];
