/** Reads claims about a person into an `Identity`. Claims come from outside: each is checked, cleaned or dropped. */
import { ProviderRefusedError, type Identity } from './identity-provider.ts';

/** Claims as a provider sends them (OpenID Connect Core §5.1), or what an API of its own says. */
export type Claims = Readonly<Record<string, unknown>>;

/** OpenID Connect Core §2: `sub` has at most 255 characters. */
const maxSubjectLength = 255;
const maxNameBytes = 1024;
/** RFC 5321 §4.5.3.1: 64 for the part before the @, 255 after it. */
const maxEmailBytes = 320;

/** Control characters, lone surrogates, line separators, and marks that change the direction of the text around. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** @throws ProviderRefusedError when the claims do not say who the person is */
export function readIdentity(issuer: string, claims: Claims): Identity {
  const subject = readSubject(claims);
  if (subject === undefined) {
    throw new ProviderRefusedError('server_error', 'the provider named no usable subject');
  }
  const email = readEmail(claims);
  const name = [claims.name, claims.login, claims.preferred_username]
    .map(readName)
    .find((value) => value !== undefined);
  return {
    issuer,
    subject,
    email,
    isEmailVerified: email !== undefined && isTrue(claims.email_verified),
    name,
    groups: readGroups(claims.groups),
  };
}

const isTrue = (verified: unknown) => verified === true || verified === 'true';

const maxGroups = 2000;
const maxGroupLength = 256;

/** Distinct names or ids; whatever cannot be one is left out, and so is what goes beyond the bound. */
function readGroups(groups: unknown): readonly string[] | undefined {
  if (groups === undefined || groups === null) return undefined;
  const usable = [groups]
    .flat()
    .filter((group): group is string => typeof group === 'string' && isUsableGroup(group));
  return [...new Set(usable)].slice(0, maxGroups);
}

function isUsableGroup(group: string): boolean {
  return group !== '' && group.length <= maxGroupLength && group.search(unprintable) === -1;
}

/**
 * `sub`, or else the `id` of APIs that know no OpenID. A number is one only while it is exact: beyond 2^53 two people
 * could become one.
 */
function readSubject({ sub, id }: Claims): string | undefined {
  const value = sub ?? id;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== 'string' || value === '' || value.length > maxSubjectLength) return undefined;
  return value.search(unprintable) === -1 ? value : undefined;
}

/** Nothing when the provider says that it is not verified; some say it in words. */
function readEmail({ email, email_verified: verified }: Claims): string | undefined {
  if (typeof email !== 'string' || verified === false || verified === 'false') return undefined;
  const isAddress = /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+$/u.test(email) && email.search(unprintable) === -1;
  return isAddress && Buffer.byteLength(email) <= maxEmailBytes ? email : undefined;
}

function readName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > maxNameBytes) return undefined;
  const name = value.replaceAll(unprintable, ' ').replaceAll(/\s+/g, ' ').trim();
  return name !== '' && Buffer.byteLength(name) <= maxNameBytes ? name : undefined;
}
