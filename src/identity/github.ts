/** GitHub: plain OAuth 2, with the person behind its own API. */
import { ProviderRefusedError } from './identity-provider.ts';
import { withIdentityScopes, type GetJson, type ProviderMatcher } from './provider-profile.ts';
import type { Claims } from './read-identity.ts';
import { z } from 'zod';

const api = 'https://api.github.com';

/** OpenID scopes mean nothing to GitHub. */
const openIdScopes = new Set(['openid', 'profile', 'email']);

export const github: ProviderMatcher = ({ url }) =>
  url.hostname === 'github.com'
    ? {
        displayName: 'GitHub',
        metadata: {
          server: {
            // Sent as `iss` with its authorization responses (RFC 9207) since April 2026.
            issuer: 'https://github.com/login/oauth',
            authorization_endpoint: 'https://github.com/login/oauth/authorize',
            token_endpoint: 'https://github.com/login/oauth/access_token',
          },
          isOpenId: false,
          source: 'known',
        },
        scopes: (clientScopes) =>
          withIdentityScopes(
            ['read:user', 'user:email'],
            clientScopes.filter((scope) => !openIdScopes.has(scope)),
          ),
        parameters: () => ({}),
        grantOverCodes: ['bad_refresh_token'],
        fetchClaims,
      }
    : undefined;

const userSchema = z.object({ id: z.number(), login: z.string(), name: z.string().nullish() });
const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/**
 * The numeric id is the person: a login can be renamed and taken by someone else. The e-mail is the primary one, if
 * it is verified and the person lets us see it.
 */
async function fetchClaims(get: GetJson): Promise<Claims> {
  const user = userSchema.safeParse(readAnswer(await get(`${api}/user`)));
  if (!user.success) throw new ProviderRefusedError('server_error', 'GitHub did not say who the person is');
  const emails = emailsSchema.safeParse(readAnswer(await get(`${api}/user/emails`)));
  const email = emails.data?.find(({ primary, verified }) => primary && verified)?.email;
  const { id, login, name } = user.data;
  return { id, login, name, email, email_verified: true };
}

const readAnswer = ({ status, json }: Awaited<ReturnType<GetJson>>) => (status === 200 ? json : undefined);
