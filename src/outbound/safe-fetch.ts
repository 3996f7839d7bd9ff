/**
 * Reads JSON at an address that a stranger chose: a client metadata document, or a client's keys. The stranger learns
 * nothing and reaches nothing by it (protection against SSRF): https with a valid certificate only, to an address that
 * was checked, without redirects, cookies or credentials, within limits of time, size and number.
 */
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { findKnownDocument } from '../protocol/recognize-client.ts';
import { createAddressPolicy } from './addresses.ts';
import { matchesHost } from './host-patterns.ts';
import { OutboundError, refused, transient } from './outbound-error.ts';
import { isProxied, type OutboundProxy } from './outbound-proxy.ts';
import { type CacheValidators, type FetchedJson, readAnswer } from './read-answer.ts';
import { type AskedPlace, RequestGate, type RequestLimits } from './request-limits.ts';
import { createResolveHost, type ResolveHost } from './resolve-host.ts';

/**
 * With `validators` the answer may be that nothing has changed.
 * @throws OutboundError
 */
export type SafeFetch = (url: URL, validators?: CacheValidators) => Promise<FetchedJson>;

/** What the operator decides. */
export interface OutboundPolicy {
  /** Empty: every host that is not denied. */
  readonly allowedHosts: readonly string[];
  readonly deniedHosts: readonly string[];
  /** Networks in CIDR notation that may be reached though they are not public. */
  readonly allowedNetworks: readonly string[];
}

export interface SafeFetchOptions {
  readonly policy: OutboundPolicy;
  readonly proxy: OutboundProxy | undefined;
  readonly clock: () => Date;
  readonly resolveHost?: ResolveHost;
  /** Certificates of authorities to trust instead of the well-known ones. */
  readonly ca?: string;
  /** For everything: name, connection, answer. A person is waiting. Default: 5 s */
  readonly timeoutMs?: number;
  readonly limits?: Partial<RequestLimits>;
}

const defaultTimeoutMs = 5_000;
const defaultLimits: RequestLimits = { maxConcurrent: 64, maxPerHost: 60, windowMs: 60_000 };

/** Whether the operator lets this server ask `hostname`. */
export function isHostPermitted(
  policy: Pick<OutboundPolicy, 'allowedHosts' | 'deniedHosts'>,
  hostname: string,
): boolean {
  if (matchesHost(policy.deniedHosts, hostname)) return false;
  return policy.allowedHosts.length === 0 || matchesHost(policy.allowedHosts, hostname);
}

export function createSafeFetch(options: SafeFetchOptions): SafeFetch {
  const { policy, proxy, clock, timeoutMs = defaultTimeoutMs } = options;
  const resolveHost = options.resolveHost ?? createResolveHost();
  const isAddressAllowed = createAddressPolicy(policy.allowedNetworks);
  const gate = new RequestGate({ ...defaultLimits, ...options.limits }, clock);

  /** The addresses of the host, when every one of them may be reached. */
  const checkedAddresses = async (url: URL, signal: AbortSignal): Promise<readonly string[]> => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const addresses =
      isIP(host) === 0 ? await abortable(resolveHost(host, signal), signal).catch(() => []) : [host];
    // One sentence for both, so that nobody can ask us which internal names exist.
    if (addresses.length === 0 || !addresses.every(isAddressAllowed)) {
      throw refused('its host name does not lead to public addresses only');
    }
    return addresses;
  };

  /**
   * Through a proxy the proxy looks the name up. It gets only names that are checked here as well, or that the
   * operator listed: those may exist only where the proxy is.
   */
  const dispatcherFor = async (url: URL, signal: AbortSignal): Promise<Dispatcher> => {
    const tls = options.ca === undefined ? {} : { ca: options.ca };
    if (isProxied(proxy, url)) {
      if (policy.allowedHosts.length === 0) await checkedAddresses(url, signal);
      return new ProxyAgent({ uri: proxy.url, requestTls: tls });
    }
    const addresses = await checkedAddresses(url, signal);
    return new Agent({ connect: { ...tls, lookup: answerWith(addresses), timeout: timeoutMs } });
  };

  const fetchWithin = async (
    url: URL,
    validators: CacheValidators | undefined,
    signal: AbortSignal,
  ): Promise<FetchedJson> => {
    const dispatcher = await dispatcherFor(url, signal);
    try {
      const response = await request(url, {
        dispatcher,
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'mcp-oauth-proxy',
          ...(validators?.etag !== undefined && { 'if-none-match': validators.etag }),
          ...(validators?.lastModified !== undefined && { 'if-modified-since': validators.lastModified }),
        },
      });
      return await readAnswer(response, validators !== undefined);
    } finally {
      // Also ends a body that nobody wants any more.
      void dispatcher.destroy().catch(() => undefined);
    }
  };

  return async (url, validators) => {
    if (url.protocol !== 'https:') throw refused('it is not https');
    if (url.username !== '' || url.password !== '') throw refused('it has credentials in it');
    if (!isHostPermitted(policy, url.hostname)) throw refused('this server does not ask its host');
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await gate.run(placeOf(url), () => fetchWithin(url, validators, signal));
      if (answer === undefined) throw transient('too many such addresses are being asked right now');
      return answer;
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (signal.aborted) throw transient(`it took longer than ${timeoutMs / 1000} seconds`, error);
      throw transient(describeFailure(error), error);
    }
  };
}

/**
 * What is counted together: a host, so that no stranger makes us ask it all the time; but a document of a known client as
 * the catalogue writes it, so that requests for made-up ones beside it do not use up its turn.
 */
function placeOf(url: URL): AskedPlace {
  const known = findKnownDocument(url.href);
  return { name: known ?? url.hostname.replace(/\.$/, ''), isKnown: known !== undefined };
}

/** A lookup that knows nothing but what was checked: the connection goes there and nowhere else. */
function answerWith(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    if (options.all === true) return callback(null, entries);
    const [first] = entries;
    return callback(null, first?.address ?? '', first?.family);
  };
}

/** Ends with `signal`, whatever the work does. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    }),
  ]);
}

/** A few words of our own: what the other side sent is in the cause at most. */
function describeFailure(error: unknown): string {
  const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
  const isTls = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_|HOSTNAME_)/.test(code);
  return isTls ? 'its TLS certificate is not valid' : 'the connection to its host failed';
}
