/** Addresses that may stand in a link or a form: a dangerous scheme cannot get into one of these. */

class SafeUrl {
  readonly #href: string;
  constructor(href: string) {
    this.#href = href;
  }
  /** The address, when `value` is one made here. */
  static hrefOf(value: unknown): string | undefined {
    return typeof value === 'object' && value !== null && #href in value ? value.#href : undefined;
  }
}

export type { SafeUrl };
export const hrefOf = SafeUrl.hrefOf;

/** Schemes that run code or open local content in a browser; never a callback of an app. */
const dangerousSchemes = new Set(
  'about blob chrome chrome-extension data file filesystem ftp intent javascript jar mhtml resource vbscript view-source ws wss'.split(
    ' ',
  ),
);

/** A web address: http or https. Undefined for anything else. */
export function webLink(address: string): SafeUrl | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === 'https:' || url.protocol === 'http:' ? new SafeUrl(url.href) : undefined;
}

/**
 * A web address, or one that opens an app by its private-use scheme (RFC 8252 §7.1): `cursor://…`. For redirect
 * targets that were checked before, and for links of our own. Undefined for `javascript:` and its like.
 */
export function appLink(address: string): SafeUrl | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return dangerousSchemes.has(url.protocol.slice(0, -1)) ? undefined : new SafeUrl(url.href);
}

/**
 * Whom to ask, where that is an address: `https:`, `mailto:`, or an e-mail address by itself. Undefined for a name or a
 * sentence.
 */
export function supportLink(contact: string): SafeUrl | undefined {
  const isEmail = /^[^\s@:/?#<>"]+@[^\s@:/?#<>"]+\.[^\s@:/?#<>".]+$/.test(contact);
  const address = isEmail ? `mailto:${contact}` : contact;
  if (/\s/.test(address) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === 'https:' || url.protocol === 'mailto:' ? new SafeUrl(url.href) : undefined;
}

/** A path on this server: `/consent`. @throws TypeError for anything that could lead elsewhere */
export function localPath(path: string): SafeUrl {
  if (!/^\/(?![/\\])[\w\-./~?=&]*$/.test(path)) throw new TypeError('not a path on this server');
  return new SafeUrl(path);
}
