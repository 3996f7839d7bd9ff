/** Who is calling, as headers for the MCP server. */
import type { Principal } from '../protocol/principal.ts';

/** The headers that are known; those about which nothing is known are left out. */
export function identityHeaders(principal: Principal): Record<string, string> {
  const headers: Record<IdentityHeader, string> = {
    'x-forwarded-user': identifier(principal.subject),
    'x-forwarded-email': identifier(principal.email),
    'x-forwarded-name': displayText(principal.name),
    'x-forwarded-client-id': identifier(principal.clientId),
    'x-forwarded-access-token': token(principal.upstreamAccessToken),
    'x-forwarded-jwt-assertion': principal.identityAssertion ?? '',
  };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}

/** Every header that says who is calling. Whoever passes requests on has to set or to clear each of them. */
export const identityHeaderNames = [
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-name',
  'x-forwarded-client-id',
  'x-forwarded-access-token',
  'x-forwarded-jwt-assertion',
] as const;

type IdentityHeader = (typeof identityHeaderNames)[number];

/**
 * How a header's name reads to servers that turn names into variables (CGI, RFC 3875 §4.1.18, and its heirs), which
 * see `X_Forwarded.User` and `X-Forwarded-User` as one: with every other character as a hyphen.
 */
export function asVariable(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** Values are cut after this many characters: header blocks of more than 16 KB are refused by many servers. */
const maxCharacters = 512;
/** Access tokens of Microsoft Entra ID with many groups reach several KB. */
const maxTokenCharacters = 12_288;

const controls = /\p{Cc}|\p{Zl}|\p{Zp}|\p{Cs}/gu;
const replacementCharacter = '\ufffd';

/**
 * Whatever a header cannot carry faithfully is marked, not removed: `al\nice` must not arrive as `alice`, who is
 * someone else. The same holds for outer spaces, which receivers strip (RFC 9110 §5.5), and for what is cut off.
 */
function identifier(value = ''): string {
  const marked = value.replace(controls, replacementCharacter).replace(/^ +| +$/g, replacementCharacter);
  return asUtf8(marked.length > maxCharacters ? cut(marked) + replacementCharacter : marked);
}

function displayText(value = ''): string {
  return asUtf8(cut(value.replace(controls, '').trim()));
}

/** The first characters, without half of a surrogate pair at the end. */
function cut(value: string): string {
  return value.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, '');
}

/** A token that has to be changed is not a token any more (RFC 6749 Appendix A.12): it is left out. */
function token(value = ''): string {
  return value.length <= maxTokenCharacters && /^[\x21-\x7e]+$/.test(value) ? value : '';
}

/** Node and undici write one byte for each character of a header: these characters are the bytes of UTF-8. */
function asUtf8(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}
