/** What a person sees when there is no safe place to send them (RFC 6749 §4.1.2.1). */
import { claimed } from './claimed.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { appLink } from './safe-url.ts';

export interface ErrorPageProps {
  readonly title: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly nextStep: string;
  readonly code: string;
  /** Finds this moment in the server's log. */
  readonly requestId: string;
  /** Facts worth showing: asked and registered redirect URIs, for example. */
  readonly details?: Readonly<Record<string, string | readonly string[]>>;
  /** A way back to the app; the caller has checked that the address belongs to it. */
  readonly continueTo?: PageLink;
  /** A way to do it again differently, on this server: the first choice where there is one. */
  readonly startAgain?: PageLink;
}

interface PageLink {
  readonly url: string;
  readonly label: string;
}

export function errorPage(props: ErrorPageProps): Html {
  const details = Object.entries(props.details ?? {});
  const links = [props.startAgain, props.continueTo].filter((link) => link !== undefined);
  const [first, ...others] = links.flatMap(({ url, label }) => {
    const address = appLink(url);
    return address === undefined ? [] : [{ address, label: claimed(label, 60) }];
  });
  return layout({
    title: props.title,
    body: html`
      <h1>${claimed(props.title)}</h1>
      <div class="tight">
        <p>${claimed(props.message)}</p>
        <p>${claimed(props.nextStep)}</p>
      </div>
      ${details.length > 0 && html`<dl class="well small">${details.map(detail)}</dl>`}
      ${
        first &&
        html`<p class="actions">
          <a class="button primary" href="${first.address}">${first.label}</a>
          ${others.map(({ address, label }) => html`<a class="button" href="${address}">${label}</a>`)}
        </p>`
      }
      <footer class="small soft">
        <p>Error <code>${claimed(props.code)}</code> · Request <code>${claimed(props.requestId)}</code></p>
      </footer>
    `,
  });
}

function detail([name, value]: readonly [string, string | readonly string[]]): Html {
  const values = typeof value === 'string' ? [value] : value;
  return html`<div>
    <dt>${claimed(name)}</dt>
    ${values.map((item) => html`<dd class="mono">${claimed(item)}</dd>`)}
  </div>`;
}
