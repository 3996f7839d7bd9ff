/** Text to copy without a script: one click selects all of it. */
import { html, type Html } from './html.ts';

export function copyBox(text: string): Html {
  return html`<pre class="copy" dir="ltr"><code>${text}</code></pre>`;
}
