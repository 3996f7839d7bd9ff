/** One bounded HTTP request, sent as it is given: no redirect is followed, nothing is retried. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';

/** How the outside is reached. Tests stand in for DNS and routing. */
export interface Network {
  /** Where requests for a host and port go. Default: there. */
  readonly place?: (host: string, port: number) => { readonly host: string; readonly port: number };
  /** An authority to trust instead of the well-known ones. */
  readonly ca?: string;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
  /** False: a certificate that is not trusted was reported already, and nothing secret is sent. */
  readonly verifiesTls?: boolean;
  /** Reads on until this is true of what came so far. Default: to the end */
  readonly isEnough?: (bodySoFar: string) => boolean;
  /** Announces a body of this length, and sends none. */
  readonly announcedLength?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Each value of a header by itself. */
  readonly distinct: NodeJS.Dict<string[]>;
  readonly body: string;
}

export type Ask = (url: string, options?: AskOptions) => Promise<Answer>;

export const defaultTimeoutMs = 8_000;
const maxBodyBytes = 256 * 1024;

/** What the official SDKs send on Node: a name of our own might be let through, or refused, where theirs is not. */
const userAgent = 'node';

/** Where to connect for a URL, and under which name. */
export function connectionTo(network: Network, { hostname, port, protocol }: URL) {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return {
    ...(network.place?.(host, number) ?? { host, port: number }),
    ...(isIP(host) === 0 && { servername: host }),
    ...(network.ca !== undefined && { ca: network.ca }),
  };
}

export function createAsk(network: Network): Ask {
  return (address, options = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(address);
      const { method = 'GET', headers, body, timeoutMs = defaultTimeoutMs, verifiesTls = true } = options;
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send({
        ...connectionTo(network, url),
        path: url.pathname + url.search,
        method,
        agent: false,
        rejectUnauthorized: verifiesTls,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          host: url.host,
          'user-agent': userAgent,
          accept: '*/*',
          ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
          ...(options.announcedLength !== undefined && { 'content-length': String(options.announcedLength) }),
          ...headers,
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        readBody(response, options.isEnough).then((text) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            distinct: response.headersDistinct,
            body: text,
          });
          request.destroy();
        }, reject);
      });
      if (options.announcedLength === undefined) request.end(body);
      else request.flushHeaders();
    });
}

async function readBody(response: IncomingMessage, isEnough?: AskOptions['isEnough']): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    text += chunk;
    if (text.length > maxBodyBytes || isEnough?.(text) === true) break;
  }
  return text;
}

/** The JSON object in a body; undefined when it is none. */
export function readObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function isJson({ headers }: Pick<Answer, 'headers'>): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(headers['content-type'] ?? '');
}

export function isRedirect({ status, headers }: Pick<Answer, 'status' | 'headers'>): boolean {
  return status >= 300 && status < 400 && headers.location !== undefined;
}

/** A few words for why there was no answer. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(describeError))].join('; ');
  if (!(error instanceof Error)) return 'unknown failure';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  return error.message;
}
