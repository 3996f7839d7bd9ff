/** Who may sign in, and whose grants stand: by the lists as they are now, and what was stored at the sign-in. */
import { type Admissible, admissionProblem } from '../identity/admission.ts';
import type { StoredPerson } from '../repositories/grants.ts';
import { endGrant } from './end-grant.ts';
import type { Services } from './services.ts';

type ListServices = Pick<Services, 'config'>;

/** Why the lists do not admit the person; undefined if they do, or there are none. */
export function problemOf(
  { config }: ListServices,
  person: Admissible & { readonly identityProvider: string },
): string | undefined {
  const lists = config.providers.find(({ id }) => id === person.identityProvider);
  return lists === undefined
    ? 'the identity provider is not configured'
    : admissionProblem(lists, config.emailLists, person);
}

/** Whether the grant of a person may go on. `person`: undefined for a machine, which lists are not about. */
export function isAdmitted(services: ListServices, person: StoredPerson | undefined): boolean {
  return person === undefined || problemOf(services, person) === undefined;
}

/** Ends a grant that the lists do not admit any more, on every instance. */
export async function endUnlisted(
  services: Pick<Services, 'db' | 'clock' | 'events' | 'revocationFeed'>,
  grantId: string,
): Promise<void> {
  await endGrant(services, grantId, 'not_admitted');
}
