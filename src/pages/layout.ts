/** The frame of every page. It loads nothing: no script, no font, no image. */
import { createHash } from 'node:crypto';
import { plainText } from './claimed.ts';
import { html, type Html } from './html.ts';
import { stylesheet } from './stylesheet.ts';
import type { View } from './view.ts';

/** The one inline style, as a source for the policy: `style-src '${styleHash}'` (CSP Level 3 §2.3.1). */
export const styleHash = `sha256-${createHash('sha256').update(stylesheet.text).digest('base64')}`;

export function layout(
  { language }: View,
  props: {
    readonly title: string;
    readonly body: Html;
    /** For reading rather than deciding. */
    readonly isWide?: boolean;
  },
): Html {
  return html`<!doctype html>
    <html lang="${language.tag}" dir="${language.direction}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${plainText(props.title, 120)}</title>
        ${stylesheet.element}
      </head>
      <body>
        <main class="stack ${props.isWide === true && 'wide'}">${props.body}</main>
      </body>
    </html>`;
}
