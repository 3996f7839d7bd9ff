/** The head of a request to the MCP server, as bytes on the wire (RFC 9112 §3, §6). */
import type { IncomingMessage } from 'node:http';
import { type Forwarding, forwardedHeaders } from './forwarded-headers.ts';

/** Methods for which a server expects content, and is told when there is none (RFC 9110 §8.6). */
const withContent = new Set(['POST', 'PUT', 'PATCH']);

/**
 * @param path with its query, checked
 * @param length of the content: its bytes, `chunked`, or undefined where there is none
 */
export function requestHead(
  { method = '', rawHeaders }: Pick<IncomingMessage, 'method' | 'rawHeaders'>,
  path: string,
  length: number | 'chunked' | undefined,
  forwarding: Forwarding,
): string {
  if (/[^\x21-\x7e\x80-\xff]/.test(path)) throw new TypeError('a path that cannot be sent');
  return `${method} ${path} HTTP/1.1\r\n${forwardedHeaders(rawHeaders, forwarding)}${framing(method, length)}\r\n`;
}

function framing(method: string, length: number | 'chunked' | undefined): string {
  if (length === 'chunked') return 'transfer-encoding: chunked\r\n';
  if (length !== undefined) return `content-length: ${length}\r\n`;
  return withContent.has(method) ? 'content-length: 0\r\n' : '';
}
