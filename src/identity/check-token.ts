/** Asks a provider whether it still honours an access token of a person. */
import type { BoundedFetch } from './bounded-fetch.ts';
import { callApiWith } from './call-api.ts';
import { ProviderRefusedError, ProviderUnavailableError } from './identity-provider.ts';

/**
 * 401 is the answer of the provider's own API to a token that is no good any more (RFC 6750 §3.1); anything else but 200
 * says nothing about the token.
 *
 * @throws ProviderRefusedError `invalid_grant` when it is over
 * @throws ProviderUnavailableError when that cannot be told
 */
export async function checkToken(fetch: BoundedFetch, url: string, accessToken: string): Promise<void> {
  const { status } = await callApiWith(fetch, accessToken)(url);
  if (status === 401) throw new ProviderRefusedError('invalid_grant', 'the provider refuses the token');
  if (status !== 200) throw new ProviderUnavailableError(`${new URL(url).host} answered ${status}`);
}
