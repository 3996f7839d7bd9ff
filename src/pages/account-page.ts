/** What a person has let in: each app with its connections, and a way to end each, those of an app, or all. */
import { claimed, claimedName } from './claimed.ts';
import type { ClientStanding } from './consent-props.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { localPath } from './safe-url.ts';
import { instant, type View } from './view.ts';
import { type AskedScope, scopeInWords } from './words.ts';

export interface ConnectionProps {
  readonly connectionId: string;
  /** Where the answer of its sign-in went; undefined where that was not kept. */
  readonly callback:
    { readonly host: string; readonly kind: 'website' | 'loopback' | 'private scheme' } | undefined;
  readonly scopes: readonly AskedScope[];
  readonly connectedAt: Date;
  readonly firstUsedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
  readonly lastUsedFrom: string | undefined;
  /** The program that called, as it calls itself. */
  readonly lastUsedWith: string | undefined;
}

export interface AppName {
  /** As the app calls itself. */
  readonly clientName: string | undefined;
  readonly clientId: string;
  readonly standing: ClientStanding;
}

export interface AppProps extends AppName {
  /** The host that describes the app, for one whose client_id is the URL of a document there. */
  readonly publisherHost: string | undefined;
  readonly connections: readonly [ConnectionProps, ...ConnectionProps[]];
}

export interface AccountPageProps {
  readonly resourceName: string;
  readonly personName: string;
  readonly providerName: string;
  readonly apps: readonly AppProps[];
  /** What the person has ended since they signed in here. */
  readonly ended: readonly AppName[];
  /** Set when there are more than are shown: how many those are. */
  readonly shownOfMore: number | undefined;
  readonly sessionMinutes: number;
  /** In every form: the proof that it is of this page. */
  readonly formToken: string;
}

export function accountPage(props: AccountPageProps, view: View): Html {
  const { account } = view.language.texts;
  const server = claimed(props.resourceName, 60);
  return layout(view, {
    title: account.title,
    isWide: true,
    body: html`
      <header class="tight">
        <h1>${account.heading}</h1>
        <p>${props.apps.length === 0 ? account.none(server) : account.intro(server)}</p>
        <p class="small soft">
          ${account.signedInAs(claimed(props.personName, 120), claimed(props.providerName, 60))}
        </p>
      </header>
      ${endedNote(props.ended, view)}
      ${props.shownOfMore !== undefined && html`<p class="note">${account.more(props.shownOfMore)}</p>`}
      ${props.apps.map((app, index) => appSection(props, app, index, view))} ${endAll(props, view)}
      ${props.apps.length > 0 && html`<p class="small soft">${account.notYours}</p>`}
      <div class="actions">
        ${form('/account/sign-out', props, html`<button class="button">${account.signOut}</button>`)}
        ${form(
          '/account/sign-in',
          undefined,
          html`<button class="button" name="choose_account" value="yes">${account.otherAccount}</button>`,
        )}
      </div>
      <footer class="small soft">
        <p>${account.signedOutAfter(props.sessionMinutes)}</p>
      </footer>
    `,
  });
}

/** What was done, said where a screen reader begins. */
function endedNote(ended: readonly AppName[], view: View): Html | undefined {
  if (ended.length === 0) return undefined;
  const names = ended.map((app, index) => html`${index > 0 && ', '}${nameOf(app, view)}`);
  return html`<p class="note" role="status">${view.language.texts.account.ended(html`${names}`)}</p>`;
}

function appSection(props: AccountPageProps, app: AppProps, index: number, view: View): Html {
  const { account, consent } = view.language.texts;
  const { standing, publisherHost, connections } = app;
  const isVerified = standing.kind === 'operator' || standing.kind === 'vendor';
  const badge = isVerified
    ? html`<span class="badge">${consent.verified}</span>`
    : html`<span class="badge unsure">${consent.notVerified}</span>`;
  const headingId = `app-${index + 1}`;
  return html`<section class="well stack" aria-labelledby="${headingId}">
    <div class="tight">
      <h2 id="${headingId}">${nameOf(app, view)} ${badge}</h2>
      ${publisherHost !== undefined && html`<p class="small">${consent.published(claimed(publisherHost))}</p>`}
    </div>
    ${standing.kind === 'imitation' && html`<p class="note alarm">${account.imitation(claimed(standing.product, 60))}</p>`}
    ${connections.map((connection, place) => connectionPart(props, app, connection, place, view))}
    ${form(
      '/account/end',
      props,
      html`<input type="hidden" name="app" value="${app.clientId}" />
        <button class="button">${account.end(nameOf(app, view))}</button>`,
    )}
  </section>`;
}

/** With several, each has a heading, and a button of its own. */
function connectionPart(
  props: AccountPageProps,
  app: AppProps,
  connection: ConnectionProps,
  place: number,
  view: View,
): Html {
  const { account } = view.language.texts;
  const number = place + 1;
  const isOneOfSeveral = app.connections.length > 1;
  return html`<div class="actions">
    ${isOneOfSeveral && html`<h3>${account.connection(number)}</h3>`} ${facts(app, connection, view)}
    ${
      isOneOfSeveral &&
      form(
        '/account/end',
        props,
        html`<input type="hidden" name="connection" value="${connection.connectionId}" />
          <button class="button">
            ${account.endConnection(number)}<span class="unseen"> ${nameOf(app, view)}</span>
          </button>`,
      )
    }
  </div>`;
}

function facts(app: AppProps, connection: ConnectionProps, view: View): Html {
  const { account } = view.language.texts;
  const { callback, scopes, connectedAt, firstUsedAt, lastUsedAt } = connection;
  const allowed = html`<ul class="inline">
    ${scopes.map((scope) => scopeItem(scope, view))}
  </ul>`;
  return html`<dl class="facts small">
    ${callback && fact(account.sentTo, callbackWords(callback, view))}
    ${scopes.length > 0 && fact(account.allowed, allowed)}
    ${fact(account.connected, instant(view, connectedAt))}
    ${firstUsedAt && fact(account.firstUsed, instant(view, firstUsedAt))}
    ${fact(account.lastUsed, lastUsedAt ? instant(view, lastUsedAt) : html`${account.neverUsed}`)}
    ${fromWhere(app, connection, view)}
  </dl>`;
}

function fact(name: string, value: Html): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function callbackWords({ host, kind }: NonNullable<ConnectionProps['callback']>, view: View): Html {
  const { consent } = view.language.texts;
  const address = claimed(host, 200);
  if (kind === 'website') return address;
  return kind === 'loopback' ? consent.loopback(address) : consent.deviceApp(address);
}

function scopeItem(asked: AskedScope, { language }: View): Html {
  const words = scopeInWords(language.texts, asked);
  return html`<li>${words === undefined ? html`<code>${claimed(asked.scope)}</code>` : claimed(words)}</li>`;
}

/** An app that its vendor runs calls from there, which says nothing of where the person is. */
function fromWhere({ standing }: AppProps, connection: ConnectionProps, view: View): Html | undefined {
  const { account } = view.language.texts;
  const { lastUsedFrom, lastUsedWith } = connection;
  const places = [
    lastUsedFrom !== undefined && account.fromPlace(html`<code>${claimed(lastUsedFrom, 60)}</code>`),
    lastUsedWith !== undefined && account.withProgram(html`<code>${claimed(lastUsedWith, 60)}</code>`),
  ].filter((place) => place !== false);
  if (places.length === 0) return undefined;
  const isVendors = standing.kind === 'vendor' && lastUsedFrom !== undefined;
  return fact(
    account.from,
    html`${places.map((place, index) => html`${index > 0 && html`<br />`}${place}`)}
    ${isVendors && html`<br /><span class="soft">${account.vendorsAddress(claimed(standing.vendor, 60))}</span>`}`,
  );
}

/** Asked once more, without a script. */
function endAll(props: AccountPageProps, view: View): Html {
  const { account } = view.language.texts;
  return html`<details>
    <summary>${account.endAllQuestion}</summary>
    <p>${account.endAllWarning}</p>
    ${form(
      '/account/end',
      props,
      html`<input type="hidden" name="everything" value="yes" />
        <button class="button primary">${account.endAll}</button>`,
    )}
  </details>`;
}

/** The product of a verified vendor, or the name as it is claimed. */
function nameOf({ standing, clientName, clientId }: AppName, { language }: View): Html {
  const { account, shared } = language.texts;
  if (standing.kind === 'vendor') return claimed(standing.product, 60);
  if (standing.kind === 'operator') return claimed(clientName ?? clientId, 60);
  const name = claimedName(clientName ?? '');
  return name === undefined ? html`${account.withoutName}` : shared.quoted(name);
}

/** `of`: undefined for the one form that needs no session. */
function form(action: string, of: Pick<AccountPageProps, 'formToken'> | undefined, fields: Html): Html {
  return html`<form class="actions" method="post" action="${localPath(action)}" autocomplete="off">
    ${of !== undefined && html`<input type="hidden" name="form_token" value="${of.formToken}" />`} ${fields}
  </form>`;
}
