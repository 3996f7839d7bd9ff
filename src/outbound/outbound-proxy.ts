/** Which requests to the outside go through the operator's HTTP proxy (`HTTPS_PROXY`, `NO_PROXY`). */
import { isIP } from 'node:net';
import { fetch as undiciFetch, ProxyAgent } from 'undici';

export interface OutboundProxy {
  /** `http://proxy.example:3128`, or with credentials: then they are sent to the proxy, and to nobody else. */
  readonly url: string;
  /** As in `NO_PROXY`: hosts that are reached directly, `*` for all. A host means its subdomains as well. */
  readonly exceptions: readonly string[];
}

/** Whether `url` goes through the proxy. What is on this machine never does. */
export function isProxied(proxy: OutboundProxy | undefined, url: URL): proxy is OutboundProxy {
  if (proxy === undefined || url.protocol !== 'https:') return false;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === 'localhost' || host === '127.0.0.1' || host === '::1') return false;
  const port = url.port === '' ? '443' : url.port;
  return !proxy.exceptions.some((exception) => isException(exception.toLowerCase(), host, port));
}

function isException(exception: string, host: string, port: string): boolean {
  if (exception === '*') return true;
  const [, name = '', onlyPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(exception) ?? [];
  if (isIP(exception) === 6) return exception === host;
  if (onlyPort !== undefined && onlyPort !== port) return false;
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

/** A `fetch` that goes through the proxy where it has to. `ca`: authorities to trust instead of the well-known ones. */
export function createProxiedFetch(proxy: OutboundProxy, ca?: string): typeof fetch {
  const agent = new ProxyAgent({ uri: proxy.url, ...(ca !== undefined && { requestTls: { ca } }) });
  const proxied = async (input: string | URL, init: Parameters<typeof undiciFetch>[1] = {}) =>
    undiciFetch(input, isProxied(proxy, new URL(input)) ? { ...init, dispatcher: agent } : init);
  return proxied as unknown as typeof fetch;
}
