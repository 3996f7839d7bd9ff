/**
 * Asks the person before an app gets access, and before the identity provider is involved (MCP security best
 * practices, "confused deputy"). What they approve is what is shown: who asks, where the answer goes, for what.
 */
import { claimed } from './claimed.ts';
import { consentForm } from './consent-form.ts';
import type { ConsentPageProps } from './consent-props.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import type { Texts } from './texts/languages.ts';
import type { View } from './view.ts';
import { whereTo, whoAsks } from './who-asks.ts';
import { type AskedScope, scopeInWords } from './words.ts';

export function consentPage(props: ConsentPageProps, view: View): Html {
  const { consent } = view.language.texts;
  const resource = claimed(props.resourceName, 60);
  return layout(view, {
    title: consent.title(props.resourceName),
    body: html`
      <header class="tight">
        <h1>${consent.heading(resource)}</h1>
        <p class="mono soft">${claimed(props.resourceIdentifier)}</p>
      </header>
      ${whoAsks(props, view)} ${whereTo(props, view)}
      <section class="tight">
        <h2>${consent.ableTo}</h2>
        <ul class="list">
          <li>${consent.everything(resource)}</li>
          ${props.scopes.map((scope) => scopeItem(scope, view.language.texts))}
        </ul>
      </section>
      ${consentForm(props, view)}
      <footer class="small soft">
        <p>${consent.appId(claimed(props.clientId))}</p>
      </footer>
    `,
  });
}

function scopeItem(asked: AskedScope, texts: Texts): Html {
  const words = scopeInWords(texts, asked);
  return html`<li>${words === undefined ? html`<code>${claimed(asked.scope)}</code>` : claimed(words)}</li>`;
}
