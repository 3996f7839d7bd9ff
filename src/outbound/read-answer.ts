/** Reads the answer of a stranger's host as JSON: the right status and type, and not too much of it. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { type OutboundError, transient } from './outbound-error.ts';

export interface CacheValidators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** What caching needs of an answer (RFC 9111). */
export interface CacheHeaders extends CacheValidators {
  readonly cacheControl: string | undefined;
  readonly expires: string | undefined;
  readonly date: string | undefined;
  readonly age: string | undefined;
}

export type FetchedJson =
  | { readonly outcome: 'fetched'; readonly json: unknown; readonly headers: CacheHeaders }
  | { readonly outcome: 'not_modified'; readonly headers: CacheHeaders };

/**
 * The draft advises 5 KB for a document. Documents with inline keys and certificates are larger, and what a client may
 * send to `/register` is this much.
 */
export const maxDocumentBytes = 32_768;

/** Status, type and size are checked before anything is read as JSON. */
export async function readAnswer(
  response: Dispatcher.ResponseData,
  mayBeUnmodified: boolean,
): Promise<FetchedJson> {
  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return typeof value === 'string' && value.length <= 1024 ? value : undefined;
  };
  const headers = {
    etag: header('etag'),
    lastModified: header('last-modified'),
    cacheControl: header('cache-control'),
    expires: header('expires'),
    date: header('date'),
    age: header('age'),
  };
  const { statusCode } = response;
  if (statusCode === 304 && mayBeUnmodified) return { outcome: 'not_modified', headers };
  if (statusCode >= 300 && statusCode < 400)
    throw transient('it redirects, and redirects are not followed here');
  if (statusCode !== 200) throw transient(`it answered ${statusCode}, not 200`);
  if (!/^application\/(?:[a-z0-9!#$&^_.-]+\+)?json *(?:;|$)/i.test(header('content-type') ?? '')) {
    throw transient('its content type is not application/json');
  }
  const body = await decode(await readBounded(response.body), header('content-encoding') ?? 'identity');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return { outcome: 'fetched', json: JSON.parse(text), headers };
  } catch (error) {
    throw transient('it is not JSON', error);
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxDocumentBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const decoders = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** We ask for identity, yet some hosts keep only a compressed copy. What comes out is as bounded as what came in. */
async function decode(body: Buffer, encoding: string): Promise<Uint8Array> {
  if (encoding === 'identity') return body;
  const decoder = decoders.get(encoding.toLowerCase());
  if (decoder === undefined) throw transient('its content encoding is not supported');
  return decoder(body, { maxOutputLength: maxDocumentBytes }).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge()
      : transient('it cannot be decompressed', error);
  });
}

function tooLarge(): OutboundError {
  return transient(`it is larger than ${maxDocumentBytes / 1024} KiB`);
}
