/** The head of an HTTP/1 answer, and how its content is delimited (RFC 9112 §4, §5, §6.3). */

/** What the server sent is no HTTP/1 answer, or one that can be read in two ways. The message is for the operator. */
export class MalformedAnswerError extends Error {
  override readonly name = 'MalformedAnswerError';
}

/** How much content follows: so many bytes, chunks, or all until the connection ends. */
export type ContentLength = number | 'chunked' | 'until close';

export interface AnswerHead {
  readonly status: number;
  /** Name, value, name, value …: names in lower case, values with one character for each byte. */
  readonly rawHeaders: readonly string[];
  readonly contentLength: ContentLength;
  /** Whether another request may follow on the connection (RFC 9112 §9.3). */
  readonly isPersistent: boolean;
}

/** Control characters, line ends that are not CRLF, and folded lines (RFC 9112 §2.2, §5.2). */
const badBytes = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n|\n[\t ]/;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/**
 * @param text the head without its empty line, with one character for each byte
 * @param toHead whether it answers HEAD, and so has no content
 * @throws MalformedAnswerError also where RFC 9112 §6.3 leaves it open whether to go on
 */
export function parseAnswerHead(text: string, toHead: boolean): AnswerHead {
  if (badBytes.test(text)) throw new MalformedAnswerError('a byte that no header may hold');
  let lineEnd = endOfLine(text, 0);
  const [, minor, status = ''] = statusLine.exec(text.slice(0, lineEnd)) ?? malformed('no status line');
  const fields = new FramingFields();
  const rawHeaders: string[] = [];
  while (lineEnd < text.length) {
    const start = lineEnd + 2;
    lineEnd = endOfLine(text, start);
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon > lineEnd) malformed('a header line without a colon');
    const name = text.slice(start, colon).toLowerCase();
    if (!token.test(name)) malformed('a header name that is none');
    const value = withoutOuterSpace(text, colon + 1, lineEnd);
    rawHeaders.push(name, value);
    fields.add(name, value);
  }
  const isHttp10 = minor === '0';
  const contentLength = fields.contentLength(Number(status), toHead, isHttp10);
  // What a server sends after a head that has no content it may send late: nobody must take it for another answer.
  const mayFollow = toHead || (contentLength === 0 && fields.claimsContent);
  const isPersistent = !isHttp10 && !fields.closes && contentLength !== 'until close' && !mayFollow;
  return { status: Number(status), rawHeaders, contentLength, isPersistent };
}

/** The first value of a header, by its name in lower case. */
export function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index] === name) return rawHeaders[index + 1];
  }
  return undefined;
}

/** All values of a header, by its name in lower case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1] === name);
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end === -1 ? text.length : end;
}

function withoutOuterSpace(text: string, start: number, end: number): string {
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The fields that say where an answer ends. */
class FramingFields {
  closes = false;
  #length: string | undefined;
  #coding: string | undefined;

  add(name: string, value: string): void {
    if (name === 'content-length') {
      if (this.#length !== undefined) malformed('two lengths');
      this.#length = value;
    } else if (name === 'transfer-encoding') {
      if (this.#coding !== undefined) malformed('two lines of transfer codings');
      this.#coding = value;
    } else if (name === 'connection') {
      this.closes ||= /(^|,)[\t ]*close[\t ]*(,|$)/i.test(value);
    }
  }

  get claimsContent(): boolean {
    return this.#coding !== undefined || Number(this.#length ?? 0) > 0;
  }

  /** RFC 9112 §6.3. A transfer coding that we would have to pass on unnamed, and both framings at once, are refused. */
  contentLength(status: number, toHead: boolean, isHttp10: boolean): ContentLength {
    if (this.#coding !== undefined) {
      if (this.#length !== undefined) malformed('a length and a transfer coding');
      if (isHttp10) malformed('a transfer coding in HTTP/1.0');
      if (!/^chunked$/i.test(this.#coding)) malformed('a transfer coding other than chunked');
    }
    if (this.#length !== undefined && !/^\d{1,15}$/.test(this.#length)) malformed('a length that is none');
    if (toHead || status < 200 || status === 204 || status === 304) return 0;
    if (this.#coding !== undefined) return 'chunked';
    return this.#length === undefined ? 'until close' : Number(this.#length);
  }
}

function malformed(reason: string): never {
  throw new MalformedAnswerError(reason);
}
