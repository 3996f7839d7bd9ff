/**
 * What can be known of a client by where its answer goes, and by what it calls itself.
 *
 * A name proves nothing: anyone can register any. The callback proves who gets the code. An https callback at the
 * vendor's own service proves that it is that vendor; it does not prove that the person wants it. A callback that hands
 * the answer on (a multi-tenant platform, a relay to an app) proves only whose host it is. One on the person's device
 * proves nothing: any program there can use it (RFC 8252 §8.6).
 */
import type { ClientAuthMethod } from './client-credentials.ts';
import { type KnownClient, knownClients } from './known-clients.ts';
import { isLoopbackUri, isPrivateUseUri } from './redirect-uri.ts';

export type Recognition =
  /** The answer goes to the vendor of this client. */
  | { readonly kind: 'vendor'; readonly client: KnownClient }
  /** The answer goes to a host that hands it on. */
  | { readonly kind: 'shared'; readonly client: KnownClient }
  /** It calls itself like this client, whose answers go elsewhere: a sign of phishing. */
  | { readonly kind: 'imitation'; readonly client: KnownClient }
  | { readonly kind: 'unknown' };

/** The callback goes before the name: under a vendor's own callback any name is harmless. */
export function recognizeClient(clientName: string | undefined, redirectUri: string): Recognition {
  const vendor = findByCallback((client) => client.vendorCallbacks, redirectUri);
  if (vendor !== undefined) return { kind: 'vendor', client: vendor };
  const imitated = findImitated(clientName ?? '', redirectUri);
  if (imitated !== undefined) return { kind: 'imitation', client: imitated };
  const shared = findByCallback((client) => client.sharedCallbacks, redirectUri);
  return shared === undefined ? { kind: 'unknown' } : { kind: 'shared', client: shared };
}

/** Whether the catalogue has this callback, of whichever kind. */
export function isKnownCallback(redirectUri: string): boolean {
  return findByCallback(callbacksOf, redirectUri) !== undefined;
}

/** Whether the catalogue has this client metadata document. */
export function isKnownDocument(clientId: string): boolean {
  return findKnownDocument(clientId) !== undefined;
}

/** How the catalogue writes the address of this client metadata document: with `{id}` it is that of many. */
export function findKnownDocument(clientId: string): string | undefined {
  return knownClients.flatMap(({ documents = [] }) => documents).find((pattern) => fits(pattern, clientId));
}

/**
 * Whether a browser's approval may be remembered: only where the redirect URI proves who gets the answer (OAuth 2.1
 * §7.3.1). Another app can take a loopback port or a private-use scheme; a shared callback hands the answer on to
 * whomever the link names. And where a stranger can have the client_id too, a link of theirs would be approved in advance:
 * that of a public registration is everyone's who registers the same, that of a document is its public address. There it
 * must be the vendor's own callback.
 */
export function mayRememberConsent(
  client: {
    readonly source: 'dynamic' | 'document' | 'operator';
    readonly tokenEndpointAuthMethod: ClientAuthMethod;
  },
  redirectUri: string,
): boolean {
  if (isLoopbackUri(redirectUri) || isPrivateUseUri(redirectUri)) return false;
  const { kind } = recognizeClient(undefined, redirectUri);
  const isSharedId =
    client.source === 'document' ||
    (client.source === 'dynamic' && client.tokenEndpointAuthMethod === 'none');
  return kind === 'vendor' || (kind === 'unknown' && !isSharedId);
}

function callbacksOf(client: KnownClient): readonly string[] {
  const { vendorCallbacks = [], sharedCallbacks = [], localCallbacks = [] } = client;
  return [...vendorCallbacks, ...sharedCallbacks, ...localCallbacks];
}

function findByCallback(
  callbacks: (client: KnownClient) => readonly string[] | undefined,
  redirectUri: string,
): KnownClient | undefined {
  return knownClients.find((client) => callbacks(client)?.some((pattern) => fits(pattern, redirectUri)));
}

/**
 * Segment by segment, character for character; `{id}` is one segment of letters, digits, `-`, `_`, `~` and inner dots:
 * no `..`, no encoded slash, no query. On loopback, name and port do not count (RFC 8252 §7.3).
 */
function fits(pattern: string, uri: string): boolean {
  const wanted = withoutPort(pattern).split('/');
  const given = withoutPort(uri).split('/');
  return (
    given.length === wanted.length &&
    wanted.every((segment, index) =>
      segment === '{id}' ? /^[\w~-][\w.~-]*$/.test(given[index] ?? '') : segment === given[index],
    )
  );
}

function withoutPort(uri: string): string {
  return uri.replace(/^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?=\/|$)/, 'http://localhost');
}

/**
 * The client whose name this one bears, be it spaced out or among other words, without being in a place of that
 * client's. Where several fit ("Claude Code" is also a "Claude"), one that is at home there settles it.
 */
function findImitated(clientName: string, redirectUri: string): KnownClient | undefined {
  const words = glance(clientName);
  const bears = (name: string): boolean => {
    const sought = glance(name).join('');
    return words.some((_, start) => beginsWith(words.slice(start), sought));
  };
  const named = knownClients
    .map((client) => ({ client, bearing: [client.name, ...(client.otherNames ?? [])].filter(bears) }))
    .filter(({ bearing }) => bearing.length > 0);
  const place = placeOf(redirectUri);
  const isAtHome = named.some(
    ({ client }) => client.isSelfHosted === true || callbacksOf(client).some((uri) => placeOf(uri) === place),
  );
  if (isAtHome) return undefined;
  const closeness = ({ bearing }: (typeof named)[number]): number =>
    Math.max(...bearing.map((name) => name.length));
  return named.toSorted((a, b) => closeness(b) - closeness(a))[0]?.client;
}

/** Whether some of the first words, without the spaces between them, are the text. */
function beginsWith(words: readonly string[], text: string): boolean {
  let rest = text;
  for (const word of words) {
    if (!rest.startsWith(word)) return false;
    rest = rest.slice(word.length);
    if (rest === '') return true;
  }
  return false;
}

/** Where an answer ends up, roughly: paths change from version to version. */
function placeOf(uri: string): string {
  if (isLoopbackUri(uri)) return 'loopback';
  const { protocol, host } = new URL(uri);
  return isPrivateUseUri(uri) ? protocol : host;
}

/** Letters of other scripts, and digits, that pass for Latin letters (a part of Unicode's confusables.txt). */
const lookAlikes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аɑα4@',
    b: 'ьЬ',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еєε3',
    g: 'ɡ',
    h: 'һ',
    k: 'кκ',
    l: 'iіιӏӀɩı1|!',
    m: 'м',
    n: 'ոп',
    o: 'оοօσ0',
    p: 'рρ',
    q: 'ԛ',
    r: 'гꭇ',
    s: 'ѕ5$',
    t: 'тτ7',
    u: 'υսц',
    v: 'νѵ',
    w: 'ԝω',
    x: 'хχ',
    y: 'уүγ',
    z: 'ᴢ',
  }).flatMap(([letter, others]) => Array.from(others, (other): [string, string] => [other, letter])),
);

/** The words of a name as they look at a glance: without case, marks, invisible characters and look-alikes. */
function glance(name: string): readonly string[] {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}]/gu, '')
    .toLowerCase();
  const latin = Array.from(plain, (character) => lookAlikes.get(character) ?? character).join('');
  return latin.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}
