/** Whether a person may sign in, by the lists of the operator. Pure: the same for a sign-in and for a stored one. */
import { type EmailLists, isListed } from './email-lists.ts';
import type { Identity } from './identity-provider.ts';
import type { ProviderSettings } from './provider-profile.ts';

/** What lists are compared with, as the provider said it. */
export type Admissible = Pick<Identity, 'email' | 'isEmailVerified' | 'organization' | 'groups'>;

type Lists = Pick<ProviderSettings, 'hostedDomains' | 'allowedTenants' | 'allowedGroups'>;

/**
 * Why not, for the log; undefined for someone who may. Each kind of list that is set has to have the person, one entry
 * of it is enough; e-mail addresses and domains are one kind. What is not known is on no list.
 */
export function admissionProblem(
  lists: Lists,
  emailLists: EmailLists | undefined,
  person: Admissible,
): string | undefined {
  const { hostedDomains, allowedTenants, allowedGroups } = lists;
  const isOneOf = (list: readonly string[]): boolean =>
    person.organization !== undefined && list.includes(person.organization);
  if (hostedDomains !== undefined && !isOneOf(hostedDomains))
    return 'the account is of no hosted domain that may sign in';
  if (allowedTenants !== undefined && !isOneOf(allowedTenants))
    return 'the account is of no tenant that may sign in';
  if (allowedGroups !== undefined && !allowedGroups.some((group) => person.groups?.includes(group) === true))
    return 'the account is in no group that may sign in';
  if (emailLists === undefined) return undefined;
  if (person.email === undefined) return 'the provider gave no e-mail address to compare with the lists';
  // A list of addresses is a list of people only where the provider has made sure of the address (protocol.md 122).
  if (!person.isEmailVerified) return 'the provider does not say that the e-mail address is verified';
  return isListed(emailLists, person.email) ? undefined : 'the e-mail address is on no list';
}
