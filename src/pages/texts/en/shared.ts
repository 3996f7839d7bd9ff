/** What several pages say. */
import { html, type Html } from '../../html.ts';

export const shared = {
  /** A name that somebody claims. */
  quoted: (name: Html) => html`“${name}”`,
  /** An instant, from its date and time in UTC. */
  utc: (dateAndTime: string) => `${dateAndTime} UTC`,
};
