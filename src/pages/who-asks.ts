/** Who asks: the app as it calls itself, what is known of it, and where its answer goes. */
import { claimed, claimedName } from './claimed.ts';
import type { ConsentPageProps } from './consent-props.ts';
import { html, type Html } from './html.ts';
import type { Texts } from './texts/languages.ts';
import { instant, type View } from './view.ts';

type Words = Texts['consent'];

export function whoAsks(props: ConsentPageProps, view: View): Html {
  const { consent } = view.language.texts;
  const { standing, publisherHost } = props;
  return html`<div class="tight">
      <p>${verified(props, consent) ?? unverified(props, view)}</p>
      ${publisherHost !== undefined && html`<p>${consent.published(claimed(publisherHost))}</p>`}
      <p class="small soft">${whatIsKnown(props, view)}</p>
    </div>
    ${standing.kind === 'imitation' && html`<p class="note alarm">${consent.imitation(claimed(standing.product, 60))}</p>`}`;
}

function verified({ standing, clientName, clientId }: ConsentPageProps, consent: Words): Html | undefined {
  if (standing.kind !== 'operator' && standing.kind !== 'vendor') return undefined;
  const name = standing.kind === 'vendor' ? standing.product : (clientName ?? clientId);
  const badge = html`<span class="badge">${consent.verified}</span>`;
  return consent.asks(html`<strong>${claimed(name, 60)}</strong>`, badge);
}

function unverified({ clientName }: ConsentPageProps, { language }: View): Html {
  const { consent, shared } = language.texts;
  const name = claimedName(clientName ?? '');
  const who = name ? consent.callsItself(shared.quoted(name)) : html`${consent.withoutName}`;
  return consent.asks(who, html`<span class="badge unsure">${consent.notVerified}</span>`);
}

function whatIsKnown({ standing, registeredAt }: ConsentPageProps, view: View): Html {
  const { known } = view.language.texts.consent;
  const registered = instant(view, registeredAt);
  return standing.kind === 'vendor' || standing.kind === 'shared'
    ? known[standing.kind](claimed(standing.vendor, 60), registered)
    : known[standing.kind](registered);
}

/** The host in large: it is what tells a real app from one that only calls itself so. */
export function whereTo(props: ConsentPageProps, { language }: View): Html {
  const { consent } = language.texts;
  return html`<section class="well tight" aria-labelledby="sent-to">
      <h2 id="sent-to" class="eyebrow">${consent.sentTo}</h2>
      <p class="host">${callback(props, consent)}</p>
      <p class="mono soft">${claimed(props.callbackUri)}</p>
    </section>
    ${callbackWarning(props, consent)}`;
}

function callback({ isLoopbackOnly, isPrivateScheme, callbackHost }: ConsentPageProps, consent: Words): Html {
  const host = claimed(callbackHost);
  if (isLoopbackOnly) return consent.loopback(host);
  return isPrivateScheme ? consent.deviceApp(host) : host;
}

/** A callback on this device may belong to any program on it, so the person must be the one who started it. */
function callbackWarning(props: ConsentPageProps, consent: Words): Html | undefined {
  if (!props.isPrivateScheme && !props.isLoopbackOnly) return undefined;
  const why = props.isPrivateScheme ? consent.deviceAppWarning : consent.loopbackWarning;
  return html`<p class="note">${why} <strong>${consent.onlyIfStarted}</strong></p>`;
}
