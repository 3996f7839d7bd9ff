/** The frame of every page. It loads nothing but the operator's logo from this server: no script, no font. */
import { createHash } from 'node:crypto';
import type { Brand } from './brand.ts';
import { claimed, plainText } from './claimed.ts';
import { html, type Html } from './html.ts';
import { localPath } from './safe-url.ts';
import type { View } from './view.ts';

/** The one inline style, as a source for the policy: `style-src 'sha256-…'` (CSP Level 3 §2.3.1). */
export function styleHash({ stylesheet }: Brand): string {
  return `sha256-${createHash('sha256').update(stylesheet.text).digest('base64')}`;
}

export function layout(
  { language, brand }: View,
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
        <title>${titleOf(props.title, brand)}</title>
        ${brand.stylesheet.element}
      </head>
      <body>
        ${brand.name !== undefined && banner(brand.name, brand)}
        <main class="stack ${props.isWide === true && 'wide'}">${props.body}</main>
      </body>
    </html>`;
}

/** Whose page it is, also where many tabs are open. */
function titleOf(title: string, { name }: Brand): string {
  return plainText(name === undefined || title.includes(name) ? title : `${title} · ${name}`, 120);
}

/** The name says what the logo shows, so that is not read out. */
function banner(name: string, { logo }: Brand): Html {
  return html`<header class="banner">
    ${logo && html`<img src="${localPath(logo.path)}" alt="" />`}
    <p>${claimed(name, 60)}</p>
  </header>`;
}
