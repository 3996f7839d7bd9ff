import { html, type Html } from '../../html.ts';
import type { Texts } from '../languages.ts';

export const shared = {
  quoted: (name: Html) => html`„${name}“`,
  utc: (dateAndTime: string) => `${dateAndTime} Uhr (UTC)`,
} satisfies Texts['shared'];
