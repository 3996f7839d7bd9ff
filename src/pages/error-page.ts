/** What a person sees when there is no safe place to send them (RFC 6749 §4.1.2.1). */
import { claimed } from './claimed.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { appLink, supportLink } from './safe-url.ts';
import type { View } from './view.ts';
import { describeError, nameOfFact } from './words.ts';

export interface ErrorPageProps {
  /** What went wrong: it has its words in `texts`, and is shown as it is. */
  readonly code: string;
  /** Whose words are used instead of the code's. */
  readonly wordsOf?: string;
  /** Finds this moment in the server's log. */
  readonly requestId: string;
  /** Facts worth showing: asked and registered redirect URIs, for example. */
  readonly details?: Readonly<Record<string, string | readonly string[]>>;
  /** The way back to the app; the caller has checked that the address belongs to it. */
  readonly continueTo?: string;
  /** The sign-in that is under way: the provider's name, and its address. */
  readonly underWay?: { readonly url: string; readonly providerName: string };
  /** To do it again with another account, on this server: the first choice where there is one. */
  readonly otherAccountUrl?: string;
  /** The person's own page, when it is about that one. */
  readonly accountUrl?: string;
}

export function errorPage(props: ErrorPageProps, view: View): Html {
  const { texts } = view.language;
  const words = describeError(texts, props.wordsOf ?? props.code);
  const { supportContact } = view.brand;
  const facts = [
    ...Object.entries(props.details ?? {}).map(([name, value]) => fact(nameOfFact(texts, name), value)),
    ...(supportContact === undefined ? [] : [whomToAsk(texts.errorPage.whomToAsk, supportContact)]),
  ];
  const { underWay } = props;
  const links = [
    { url: underWay?.url, label: texts.consent.continueTo(claimed(underWay?.providerName ?? '', 60)) },
    { url: props.otherAccountUrl, label: texts.errorPage.useAnotherAccount },
    { url: props.accountUrl, label: texts.account.title },
    { url: props.continueTo, label: texts.errorPage.backToApp },
  ];
  const [first, ...others] = links.flatMap(({ url, label }) => {
    const address = url === undefined ? undefined : appLink(url);
    return address === undefined ? [] : [{ address, label }];
  });
  return layout(view, {
    title: words.title,
    body: html`
      <h1>${words.title}</h1>
      <div class="tight">
        <p>${words.message}</p>
        <p>${words.nextStep}</p>
      </div>
      ${facts.length > 0 && html`<dl class="well small">${facts}</dl>`}
      ${
        first &&
        html`<p class="actions">
          <a class="button primary" href="${first.address}">${first.label}</a>
          ${others.map(({ address, label }) => html`<a class="button" href="${address}">${label}</a>`)}
        </p>`
      }
      <footer class="small soft">
        <p>${texts.errorPage.errorAndRequest(claimed(props.code), claimed(props.requestId))}</p>
      </footer>
    `,
  });
}

function fact(name: string, value: string | readonly string[]): Html {
  const values = typeof value === 'string' ? [value] : value;
  return html`<div>
    <dt>${claimed(name)}</dt>
    ${values.map((item) => html`<dd class="mono">${claimed(item)}</dd>`)}
  </div>`;
}

/** In the operator's words, and one click away where those are an address. */
function whomToAsk(label: string, contact: string): Html {
  const link = supportLink(contact);
  const words = claimed(contact.replace(/^mailto:([^?]*).*/i, '$1').replace(/^https:\/\//i, ''));
  return html`<div>
    <dt>${label}</dt>
    <dd>${link === undefined ? words : html`<a href="${link}">${words}</a>`}</dd>
  </div>`;
}
