/** Whether a provider takes our client ID and secret, found out without a person: by a code that nobody has issued. */
import { genericGrantRequest, ResponseBodyError } from 'openid-client';
import { connect, type ProviderContext } from './connect.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

export interface ClientCheck {
  /** `accepted`: it refused the code, not us. `unclear`: it said something else. */
  readonly client: 'accepted' | 'refused' | 'unclear';
  /** The provider's word for it. */
  readonly said: string;
  readonly source: ProviderMetadata['source'];
  readonly scopesSupported: readonly string[] | undefined;
}

/** RFC 6749 §5.2, and GitHub's own. */
const refusals = new Set(['invalid_client', 'unauthorized_client', 'incorrect_client_credentials']);
const acceptances = new Set(['invalid_grant', 'bad_verification_code']);

/** @throws an error of openid-client, or ProviderUnavailableError, when there is no OAuth answer */
export async function checkClient(
  context: ProviderContext,
  metadata: ProviderMetadata,
  redirectUri: string,
): Promise<ClientCheck> {
  const config = await connect(context, metadata, { idToken: false });
  const facts = { source: metadata.source, scopesSupported: metadata.server.scopes_supported };
  try {
    await genericGrantRequest(config, 'authorization_code', {
      code: 'no-such-code',
      redirect_uri: redirectUri,
      code_verifier: 'no-such-verifier-no-such-verifier-no-such-verifier',
    });
    return { ...facts, client: 'unclear', said: 'a token' };
  } catch (error) {
    if (!(error instanceof ResponseBodyError)) throw error;
    const client = refusals.has(error.error)
      ? 'refused'
      : acceptances.has(error.error)
        ? 'accepted'
        : 'unclear';
    return { ...facts, client, said: error.error };
  }
}
