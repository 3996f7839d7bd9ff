/** Lists of e-mail addresses and domains that may sign in. Pure. */
import { domainToASCII, domainToUnicode } from 'node:url';

export interface EmailLists {
  readonly emails: readonly string[];
  /** `example.com` is that domain alone, `*.example.com` are those below it. */
  readonly domains: readonly string[];
}

/** A host name of at least two labels (RFC 1123 §2.1). */
export function isDomain(value: string): boolean {
  return (
    value.length <= 253 &&
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)
  );
}

/** An entry as it is compared; undefined if it is no address. */
export function readListedEmail(value: string): string | undefined {
  const [, local, domain] = /^([^\s@<>"(),:;\\*]+)@([^@]+)$/u.exec(value) ?? [];
  const ascii = domain === undefined ? undefined : readAscii(domain);
  return local === undefined || ascii === undefined ? undefined : `${lowerCase(local)}@${ascii}`;
}

/** An entry as it is compared; undefined if it is no domain. */
export function readListedDomain(value: string): string | undefined {
  const isBelow = value.startsWith('*.');
  const ascii = readAscii(isBelow ? value.slice(2) : value);
  return ascii !== undefined && isBelow ? `*.${ascii}` : ascii;
}

function readAscii(domain: string): string | undefined {
  const ascii = domainToASCII(domain);
  return isDomain(ascii) ? ascii : undefined;
}

/**
 * The whole address counts: `ada+x@` and `a.da@` are other people than `ada@`, as they may be at some providers. Case
 * does not, for the letters of ASCII: no provider tells people apart by it.
 */
export function isListed({ emails, domains }: EmailLists, email: string): boolean {
  const at = email.lastIndexOf('@');
  const domain = comparable(email.slice(at + 1));
  if (domain === undefined) return false;
  return (
    emails.includes(`${lowerCase(email.slice(0, at))}@${domain}`) ||
    domains.some((listed) => (listed.startsWith('*.') ? domain.endsWith(listed.slice(1)) : domain === listed))
  );
}

/**
 * The form that is in the lists, of a domain that is in it or is its Unicode form exactly (RFC 5890 §2.3.2.1).
 * Characters that would have to be mapped first, such as full-width letters or the Kelvin sign, match nothing: a provider
 * that passes them on has not looked at them.
 */
function comparable(domain: string): string | undefined {
  const lower = lowerCase(domain);
  if (isDomain(lower)) return lower;
  const ascii = domainToASCII(lower);
  return isDomain(ascii) && domainToUnicode(ascii) === lower ? ascii : undefined;
}

/** `toLowerCase` would make ASCII of other characters: the Kelvin sign becomes a k. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
