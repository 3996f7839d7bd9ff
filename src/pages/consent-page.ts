/**
 * Asks the person before an app gets access, and before the identity provider is involved (MCP security best
 * practices, "confused deputy"). What they approve is what is shown: who asks, where the answer goes, for what.
 */
import { claimed, claimedName } from './claimed.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { localPath } from './safe-url.ts';
import type { Texts } from './texts/languages.ts';
import { instant, type View } from './view.ts';
import { type AskedScope, scopeInWords } from './words.ts';

type Words = Texts['consent'];

/** What this server knows of an app, whatever it says about itself. */
export type ClientStanding =
  /** The people who run this server made it. */
  | { readonly kind: 'operator' }
  /** The answer goes to the vendor of this product. */
  | { readonly kind: 'vendor'; readonly product: string; readonly vendor: string }
  /** The answer goes to a host of this vendor, which hands it on. */
  | { readonly kind: 'shared'; readonly vendor: string }
  /** It calls itself like this product, whose answers go elsewhere. */
  | { readonly kind: 'imitation'; readonly product: string }
  | { readonly kind: 'unknown' };

export interface ConsentPageProps {
  /** As the app calls itself; anyone can register any name. */
  readonly clientName: string | undefined;
  readonly clientId: string;
  /** Where the answer goes, short: `claude.ai`, `127.0.0.1:3334`, `cursor://anysphere.cursor-mcp`. */
  readonly callbackHost: string;
  readonly callbackUri: string;
  readonly standing: ClientStanding;
  /** The host that describes the app, for one whose client_id is the URL of a document there: this much is proven. */
  readonly publisherHost: string | undefined;
  /** Whether every registered callback is on a loopback address. */
  readonly isLoopbackOnly: boolean;
  /** Whether the callback opens an app by its scheme (RFC 8252 §7.1). */
  readonly isPrivateScheme: boolean;
  readonly registeredAt: Date;
  readonly resourceName: string;
  readonly resourceIdentifier: string;
  readonly scopes: readonly AskedScope[];
  /** Where the person may sign in; with several, they choose. */
  readonly providers: readonly [ProviderChoice, ...ProviderChoice[]];
  /** Goes back in the form, and is the proof that the answer came from this page. Never shown. */
  readonly requestId: string;
  /** A path on this server. */
  readonly formAction: string;
}

export interface ProviderChoice {
  /** Comes back in the form. */
  readonly id: string;
  readonly name: string;
  readonly isUnavailable: boolean;
  /** Whether this browser signed in with it last time. */
  readonly isLastUsed: boolean;
}

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
      ${whoAsks(props, view)}
      <section class="well tight">
        <h2 class="eyebrow">${consent.sentTo}</h2>
        <p class="host">${callback(props, consent)}</p>
        <p class="mono soft">${claimed(props.callbackUri)}</p>
      </section>
      ${callbackWarning(props, consent)}
      <section class="tight">
        <h2>${consent.ableTo}</h2>
        <ul class="list">
          <li>${consent.everything(resource)}</li>
          ${props.scopes.map((scope) => scopeItem(scope, view.language.texts))}
        </ul>
      </section>
      ${props.providers.map(({ isUnavailable, name }) => isUnavailable && html`<p class="note">${consent.away(claimed(name, 60))}</p>`)}
      <form class="actions" method="post" action="${localPath(props.formAction)}" autocomplete="off">
        <input type="hidden" name="request_id" value="${props.requestId}" />
        <p>${howToSignIn(props.providers, consent)}</p>
        ${decisions(props, consent)}
      </form>
      ${props.isLoopbackOnly && otherMachineHelp(consent)}
      <footer class="small soft">
        <p>${consent.appId(claimed(props.clientId))}</p>
      </footer>
    `,
  });
}

function howToSignIn(providers: ConsentPageProps['providers'], consent: Words): Html | string {
  return providers.length === 1 ? consent.signInWith(claimed(providers[0].name, 60)) : consent.chooseProvider;
}

function whoAsks(props: ConsentPageProps, view: View): Html {
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

/** For an app that imitates another, the way out is the button that stands out. */
function decisions(props: ConsentPageProps, consent: Words): Html {
  const cancel = (style: string): Html =>
    html`<button class="button ${style}" name="decision" value="deny">${consent.cancel}</button>`;
  return props.standing.kind === 'imitation'
    ? html`${cancel('primary')} ${approvals(props, consent)}`
    : html`${approvals(props, consent)} ${cancel('')}`;
}

/** One button a provider. That of last time comes first, and then it alone stands out. */
function approvals({ standing, providers }: ConsentPageProps, consent: Words): Html {
  const isImitation = standing.kind === 'imitation';
  const last = providers.filter(({ isLastUsed }) => isLastUsed);
  const ordered = [...last, ...providers.filter(({ isLastUsed }) => !isLastUsed)];
  const [onlyOne, oneOfSeveral] = isImitation
    ? [consent.continueToAllTheSame, consent.continueWithAllTheSame]
    : [consent.continueTo, consent.continueWith];
  const words = providers.length === 1 ? onlyOne : oneOfSeveral;
  const button = ({ id, name, isLastUsed }: ProviderChoice): Html => {
    const standsOut = !isImitation && (isLastUsed || last.length === 0);
    const value = providers.length === 1 ? 'approve' : `approve:${id}`;
    return html`<button class="button ${standsOut && 'primary'}" name="decision" value="${value}">
      ${words(claimed(name, 60))}
    </button>`;
  };
  return html`${ordered.map(button)}`;
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

function scopeItem(asked: AskedScope, texts: Texts): Html {
  const words = scopeInWords(texts, asked);
  return html`<li>${words === undefined ? html`<code>${claimed(asked.scope)}</code>` : claimed(words)}</li>`;
}

/** For a client that runs on a remote machine: its loopback callback fails in this browser, and can be pasted. */
function otherMachineHelp({ otherMachine }: Words): Html {
  return html`<details>
    <summary>${otherMachine.question}</summary>
    <p>${otherMachine.answer}</p>
  </details>`;
}
