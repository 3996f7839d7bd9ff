/** Says in one line what was sent and what came back, without giving a secret away. */
import type { Exchange } from './recorded-fetch.ts';

/** What tells about a request, in this order. */
const tellingFields = ['grant_type', 'code', 'refresh_token', 'resource', 'token_type_hint', 'redirect_uris'];
const secretFields = new Set(['code', 'access_token', 'refresh_token', 'client_secret']);

/** @param base addresses at its origin are shown as paths */
export function describeExchange(exchange: Exchange, base: URL, answerFields: readonly string[]): string {
  const { method, url, sent, status, headers, received } = exchange;
  const call = typeof sent.method === 'string' ? ` ${sent.method}` : '';
  const said = `${method} ${describeAddress(url, base)}${call}${fieldsOf(sent, tellingFields)}`;
  const challenge = headers.get('www-authenticate');
  if (challenge !== null) return `${said} → ${status} WWW-Authenticate: ${challenge}`;
  const error = status >= 400 ? ['error', 'error_description'] : [];
  return `${said} → ${status}${fieldsOf(received, [...error, ...answerFields])}`;
}

/** Long parts of a path that are no words are the ids of one visit. */
export function describeAddress(url: URL, base: URL): string {
  const path = url.pathname.replaceAll(/[^/]{20,}/g, (part) => (/[A-Z0-9]/.test(part) ? '…' : part));
  return url.origin === base.origin ? path : `${url.origin}${path}`;
}

/** Enough to recognise a secret, not enough to use it. */
export function shortened(secret: string): string {
  return `${secret.slice(0, Math.min(12, secret.length / 4))}…${secret.length > 24 ? secret.slice(-4) : ''}`;
}

function fieldsOf(from: Exchange['sent'], names: readonly string[]): string {
  return names
    .filter((name) => from[name] !== undefined)
    .map((name) => ` ${name}=${secretFields.has(name) ? shortened(String(from[name])) : valueOf(from[name])}`)
    .join('');
}

function valueOf(value: unknown): string {
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  return text.includes(' ') ? `"${text}"` : text;
}
