/**
 * What the person sees after their approval where a redirect would leave them nowhere: it opens an app by its scheme, or
 * lets them copy the answer for a client on another machine.
 */
import { copyBox } from './copy-box.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { appLink } from './safe-url.ts';
import type { View } from './view.ts';

export interface HandOverPageProps {
  /** The redirect URI with the answer. It opens an app, unless it is to be copied. */
  readonly location: string;
  readonly isRefusal: boolean;
  readonly isCopied: boolean;
  /** How long the answer works. */
  readonly minutes: number;
}

export function handOverPage(props: HandOverPageProps, view: View): Html {
  const { handOver } = view.language.texts;
  const title = props.isRefusal ? handOver.refused : props.isCopied ? handOver.paste : handOver.signedIn;
  return layout(view, {
    title,
    body: html`<h1>${title}</h1>
      ${props.isCopied ? toCopy(props, view) : toOpen(props, view)}`,
  });
}

function toOpen({ location, isRefusal, minutes }: HandOverPageProps, view: View): Html {
  const { handOver } = view.language.texts;
  return html`<p>${isRefusal ? handOver.opensRefused : handOver.opens}</p>
    ${link(location, handOver.open, 'primary')}
    ${
      !isRefusal &&
      html`<details>
        <summary>${handOver.nothingOpens}</summary>
        <p>${handOver.copy(minutes)}</p>
        ${copyBox(location)} ${warning(view)}
      </details>`
    }`;
}

function toCopy({ location, isRefusal, minutes }: HandOverPageProps, view: View): Html {
  const { handOver } = view.language.texts;
  return html`<p>${isRefusal ? handOver.copyRefused : handOver.copyThere(minutes)}</p>
    ${copyBox(location)} ${!isRefusal && warning(view)} ${!isRefusal && link(location, handOver.openHere, '')}`;
}

/** Whom an attacker sent here, they ask for the address next. */
function warning({ language }: View): Html {
  return html`<p class="note">${language.texts.handOver.warning}</p>`;
}

function link(location: string, label: string, style: string): Html | undefined {
  const address = appLink(location);
  return address && html`<p class="actions"><a class="button ${style}" href="${address}">${label}</a></p>`;
}
