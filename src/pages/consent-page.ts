/**
 * Asks the person before an app gets access, and before the identity provider is involved (MCP security best
 * practices, "confused deputy"). What they approve is what is shown: who asks, where the answer goes, for what.
 */
import { claimed, quotedName } from './claimed.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { localPath } from './safe-url.ts';
import type { ScopeWords } from './words.ts';

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
  /** Where the answer goes, short: `claude.ai`, or `your computer (127.0.0.1:3334)`. */
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
  readonly scopes: readonly ScopeWords[];
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

export function consentPage(props: ConsentPageProps): Html {
  const resource = claimed(props.resourceName, 60);
  return layout({
    title: `Allow access to ${props.resourceName}?`,
    body: html`
      <header class="tight">
        <h1>Allow access to ${resource}?</h1>
        <p class="mono soft">${claimed(props.resourceIdentifier)}</p>
      </header>
      ${whoAsks(props)}
      <section class="well tight">
        <h2 class="eyebrow">The answer will be sent to</h2>
        <p class="host">${claimed(props.callbackHost)}</p>
        <p class="mono soft">${claimed(props.callbackUri)}</p>
      </section>
      ${callbackWarning(props)}
      <section class="tight">
        <h2>It will be able to</h2>
        <ul class="list">
          <li>Use ${resource} in your name, with everything you may do there</li>
          ${props.scopes.map(scopeItem)}
        </ul>
      </section>
      ${props.providers.map(providerNote)}
      <form class="actions" method="post" action="${localPath(props.formAction)}" autocomplete="off">
        <input type="hidden" name="request_id" value="${props.requestId}" />
        <p>${howToSignIn(props.providers)} Nothing is shared before that.</p>
        ${decisions(props)}
      </form>
      ${props.isLoopbackOnly && otherMachineHelp}
      <footer class="small soft">
        <p>App ID <code>${claimed(props.clientId)}</code></p>
      </footer>
    `,
  });
}

function providerNote({ name, isUnavailable }: ProviderChoice): Html | undefined {
  if (!isUnavailable) return undefined;
  return html`<p class="note">
    ${claimed(name, 60)} cannot be reached right now. Nothing is lost: trying again in a moment will work.
  </p>`;
}

function howToSignIn(providers: ConsentPageProps['providers']): Html {
  return providers.length === 1
    ? html`You will sign in with ${claimed(providers[0].name, 60)}.`
    : html`Choose how to sign in.`;
}

function whoAsks(props: ConsentPageProps): Html {
  return html`<div class="tight">
      <p>${verified(props) ?? unverified(props)}</p>
      ${props.publisherHost !== undefined && html`<p>Published by <strong>${claimed(props.publisherHost)}</strong>: this server has checked that.</p>`}
      <p class="small soft">${whatIsKnown(props)}</p>
    </div>
    ${props.standing.kind === 'imitation' && imitationWarning(props.standing.product)}`;
}

function verified({ standing, clientName, clientId }: ConsentPageProps): Html | undefined {
  if (standing.kind !== 'operator' && standing.kind !== 'vendor') return undefined;
  const name = standing.kind === 'vendor' ? standing.product : (clientName ?? clientId);
  return html`<strong>${claimed(name, 60)}</strong> <span class="badge">Verified</span> wants to connect.`;
}

function unverified(props: ConsentPageProps): Html {
  const name = quotedName(props.clientName ?? '');
  const who = name ? html`An app that calls itself <strong>${name}</strong>` : html`An app without a name`;
  return html`${who} <span class="badge unsure">Not verified</span> wants to connect.`;
}

function whatIsKnown({ standing, registeredAt }: ConsentPageProps): Html {
  const registered = html`<time datetime="${registeredAt.toISOString()}"
    >${date.format(registeredAt)} UTC</time
  >`;
  if (standing.kind === 'operator') return html`The people who run this server added it on ${registered}.`;
  if (standing.kind === 'vendor') {
    return html`The address below belongs to ${claimed(standing.vendor, 60)}. First registered here on
    ${registered}. Only continue if you are connecting it yourself, right now.`;
  }
  if (standing.kind === 'imitation') return html`First registered here on ${registered}.`;
  const anyName = html`Any app can take any name. This one first registered here on ${registered}.`;
  if (standing.kind === 'shared') {
    return html`${anyName} The address below belongs to ${claimed(standing.vendor, 60)}, which hands the
    answer on to one of its customers or apps, and this server cannot see to which. Only continue if you
    started this yourself, right now.`;
  }
  return html`${anyName} Go by the address below: does it belong to the app you are connecting?`;
}

function imitationWarning(product: string): Html {
  const name = claimed(product, 60);
  return html`<p class="note alarm">
    <strong>This is probably not ${name}.</strong> It uses that name, but the answer would go to the address
    below, which is not one that ${name} is known to use. If someone sent you here, cancel.
  </p>`;
}

/** For an app that imitates another, the way out is the button that stands out. */
function decisions({ standing, providers }: ConsentPageProps): Html {
  return standing.kind === 'imitation'
    ? html`<button class="button primary" name="decision" value="deny">Cancel</button>
        ${approvals(providers, ' all the same')}`
    : html`${approvals(providers)} <button class="button" name="decision" value="deny">Cancel</button>`;
}

/** One button a provider. That of last time comes first, and then it alone stands out. */
function approvals(providers: ConsentPageProps['providers'], allTheSame = ''): Html {
  const last = providers.filter(({ isLastUsed }) => isLastUsed);
  const ordered = [...last, ...providers.filter(({ isLastUsed }) => !isLastUsed)];
  const button = ({ id, name, isLastUsed }: ProviderChoice): Html => {
    const standsOut = allTheSame === '' && (isLastUsed || last.length === 0);
    const words = html`${providers.length === 1 ? 'Continue to' : 'Continue with'}
    ${claimed(name, 60)}${allTheSame}`;
    const value = providers.length === 1 ? 'approve' : `approve:${id}`;
    return html`<button class="button ${standsOut && 'primary'}" name="decision" value="${value}">
      ${words}
    </button>`;
  };
  return html`${ordered.map(button)}`;
}

const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

/** A callback on this device may belong to any program on it, so the person must be the one who started it. */
function callbackWarning(props: ConsentPageProps): Html | undefined {
  if (!props.isPrivateScheme && !props.isLoopbackOnly) return undefined;
  const why = props.isPrivateScheme
    ? html`This opens an app on your device, and any app there can claim such an address.`
    : html`This is a program on your computer, and any program there can use such an address.`;
  return html`<p class="note">
    ${why} <strong>Only continue if you started this yourself, just now, on this device.</strong>
  </p>`;
}

function scopeItem({ scope, words }: ScopeWords): Html {
  return html`<li>${words === scope ? html`<code>${claimed(scope)}</code>` : claimed(words)}</li>`;
}

/** For a client that runs on a remote machine: its loopback callback fails in this browser, and can be pasted. */
const otherMachineHelp = html`<details>
  <summary>Does the app run on another machine?</summary>
  <p>
    After you sign in, your browser will say that it cannot open a page. Copy the whole address of that page,
    and paste it where the app itself asks for it. Never give it to a person or a website.
  </p>
</details>`;
