/** Finds a provider's metadata from whatever URL the operator gave: issuer, base URL or authorization endpoint. */
import { isLoopback, type BoundedFetch } from './bounded-fetch.ts';
import {
  candidates,
  defaultEndpoints,
  isNamedBy,
  isSameIssuer,
  plainAddress,
} from './discovery-addresses.ts';
import { ProviderUnavailableError } from './identity-provider.ts';
import { readMetadata, readNames, type ProviderMetadata } from './provider-metadata.ts';

/** Whether a document found for `candidate` may name `issuer`. */
export type IssuerRule = (candidate: string, issuer: string) => boolean;

/**
 * A document counts only when its issuer is the address it was found for, and when it belongs to the given URL: it is
 * that issuer's, or names that authorization endpoint. `otherwise`, default endpoint names, is for a provider that
 * surely publishes nothing.
 * @throws ProviderUnavailableError when it cannot be reached, fails, or publishes something that cannot be used
 */
export async function discover(
  given: URL,
  fetch: BoundedFetch,
  acceptsIssuer: IssuerRule = isSameIssuer,
  otherwise: ProviderMetadata = guessMetadata(given),
): Promise<ProviderMetadata> {
  const signal = AbortSignal.timeout(maxDiscoveryMs);
  let problem: string | undefined;
  for (const candidate of candidates(given)) {
    for (const address of candidate.documents) {
      const found = await fetchDocument(address, fetch, signal);
      if ('failure' in found) {
        problem ??= found.failure;
        // A better document of this candidate may be behind the failure: a lesser one must not take its place.
        break;
      }
      const judged = judge(found.document, candidate.issuer, given, acceptsIssuer);
      if (judged === undefined) continue;
      if ('metadata' in judged) return judged.metadata;
      problem ??= `the metadata at ${address} ${judged.problem}`;
    }
  }
  if (problem !== undefined) throw new ProviderUnavailableError(problem);
  return otherwise;
}

/** Undefined when the document is none, or is that of another provider on the same host. */
function judge(
  document: unknown,
  candidate: string,
  given: URL,
  acceptsIssuer: IssuerRule,
): { readonly metadata: ProviderMetadata } | { readonly problem: string } | undefined {
  const named = readNames(document);
  if (named === undefined) return undefined;
  if (candidate !== plainAddress(given) && !isNamedBy(named.authorizationEndpoint, given)) return undefined;
  if (!acceptsIssuer(candidate, named.issuer)) {
    return {
      problem: "names another issuer: give that issuer's URL, or correct the provider's public address",
    };
  }
  return readMetadata(document, isLoopback(given));
}

/** For all places together: someone may be waiting to sign in. */
const maxDiscoveryMs = 15_000;
const maxRedirects = 3;

/** The JSON at an address; undefined when it is surely not there. Redirects are followed on the same origin only. */
async function fetchDocument(
  address: string,
  fetch: BoundedFetch,
  signal: AbortSignal,
): Promise<{ readonly document: unknown } | { readonly failure: string }> {
  let url = new URL(address);
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await fetch(url.href, { headers: { accept: 'application/json' }, signal });
    if (response.status >= 500 || response.status === 429 || response.status === 408) {
      return { failure: `${address} answered ${response.status}` };
    }
    const location = response.headers.get('location');
    const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
    if (!isRedirect) return { document: response.ok ? parseJson(await response.text()) : undefined };
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next?.origin !== url.origin) return { document: undefined };
    url = next;
  }
  return { document: undefined };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function guessMetadata(given: URL): ProviderMetadata {
  const { base, authorization, token, userinfo } = defaultEndpoints(given);
  return {
    server: {
      issuer: base,
      authorization_endpoint: authorization,
      token_endpoint: token,
      userinfo_endpoint: userinfo,
    },
    isOpenId: false,
    source: 'guessed',
  };
}
