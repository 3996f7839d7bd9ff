/** How a page is shown: in which language, and under whose name. The same for every page of one answer. */
import type { Brand } from './brand.ts';
import { claimed } from './claimed.ts';
import { html, type Html } from './html.ts';
import type { Language } from './texts/languages.ts';

export interface View {
  readonly language: Language;
  readonly brand: Brand;
}

/** `a, b or c`, as the language says it. */
export function anyOf({ language }: View, names: readonly string[]): Html {
  const parts = new Intl.ListFormat(language.locale, { type: 'disjunction' }).formatToParts(names);
  return html`${parts.map(({ type, value }) => (type === 'element' ? claimed(value, 60) : value))}`;
}

/** An instant, to the minute. */
export function instant({ language }: View, at: Date): Html {
  const format = new Intl.DateTimeFormat(language.locale, {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  return html`<time datetime="${at.toISOString()}">${language.texts.shared.utc(format.format(at))}</time>`;
}
