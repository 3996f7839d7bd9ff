/** What a person is called here: `sub` of their access tokens, and `X-Forwarded-User`. Pure. */
import { providerIds, type ProviderId } from './provider-profile.ts';

/**
 * Subjects are unique within their provider only (OpenID Connect Core §8): GitHub's 583231 and GitLab's are two people.
 * So they carry the provider's id in front, except those of the primary provider, which are what they always were. A
 * bare subject that begins like a prefix gets one as well: no two people ever share an id.
 */
export function userIdOf(
  provider: { readonly id: ProviderId; readonly isPrimary: boolean },
  subject: string,
): string {
  const isAmbiguous = providerIds.some((id) => subject.startsWith(`${id}:`));
  return provider.isPrimary && !isAmbiguous ? subject : `${provider.id}:${subject}`;
}
