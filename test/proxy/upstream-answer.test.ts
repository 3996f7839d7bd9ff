/** How an answer's bytes are read, whatever their pieces (RFC 9112 §4–§7). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerReader } from '../../src/proxy/upstream/answer-reader.ts';

interface Read {
  status: number | undefined;
  headers: readonly string[];
  body: string;
  isOver: boolean;
  isPersistent: boolean;
  hasSurplus: boolean;
}

/** Reads pieces of an answer as they would arrive one by one. */
function read(pieces: readonly Buffer[], { toHead = false, ends = false } = {}): Read {
  let status: number | undefined;
  let headers: readonly string[] = [];
  let body = '';
  const reader = new AnswerReader(
    {
      onHead: (head) => {
        ({ status, rawHeaders: headers } = head);
      },
      onData: (content) => {
        body += content.toString('latin1');
      },
      onEnd: () => undefined,
    },
    toHead,
  );
  for (const piece of pieces) reader.read(piece);
  if (ends) reader.endOfConnection();
  const { isOver, isPersistent, hasSurplus } = reader;
  return { status, headers, body, isOver, isPersistent, hasSurplus };
}

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('an answer is the same in whatever pieces it comes', () => {
  const answers = [
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    [
      'chunks, with extensions and trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a="b"\r\nhel\r\n0002 \r\nlo\r\n0\r\nX-Trailer: no\r\n\r\n',
      'hello',
    ],
    [
      'informational answers before it',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'ok',
    ],
  ] as const;

  test.each(answers)('%s', (_name, answer, body) => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: answer.length }), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), answer.length];
        const pieces = at.slice(1).map((end, index) => bytes(answer.slice(at[index], end)));
        expect(read(pieces.filter(({ length }) => length > 0))).toMatchObject({
          status: 200,
          body,
          isOver: true,
          isPersistent: true,
          hasSurplus: false,
        });
      }),
    );
  });

  test.each(answers)('%s, byte by byte', (_name, answer, body) => {
    expect(read([...bytes(answer)].map((byte) => Buffer.from([byte])))).toMatchObject({ body, isOver: true });
  });
});

describe('where an answer ends (RFC 9112 §6.3)', () => {
  test.each([
    ['to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
    [
      'to HEAD, with the length of what GET would bring',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
      true,
    ],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', false],
    [
      '304 with the length of what was not changed',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
      false,
    ],
    ['no content', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', false],
  ])('%s: with its headers', (_name, answer, toHead) => {
    expect(read([bytes(answer)], { toHead })).toMatchObject({ body: '', isOver: true });
  });

  test('without a length: with the connection, which is of no more use', () => {
    const answer = [bytes('HTTP/1.1 200 OK\r\n\r\nhel'), bytes('lo')];
    expect(read(answer)).toMatchObject({ body: 'hello', isOver: false });
    expect(read(answer, { ends: true })).toMatchObject({ isOver: true, isPersistent: false });
  });

  test.each([
    ['in its headers', 'HTTP/1.1 200 OK\r\nContent-'],
    ['before its length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'],
    ['before its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['in its trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n'],
    ['before it began', ''],
  ])('a connection that ends %s is no end (RFC 9112 §8)', (_name, answer) => {
    expect(() => read(answer === '' ? [] : [bytes(answer)], { ends: true })).toThrow(
      /complete|before the answer/,
    );
  });
});

describe('whether another request may follow (RFC 9112 §9.3)', () => {
  test.each([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', false],
    [
      'close among other options',
      'HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n',
      false,
    ],
    [
      'an option that only contains it',
      'HTTP/1.1 200 OK\r\nConnection: close-notify\r\nContent-Length: 0\r\n\r\n',
      true,
    ],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n', false],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', true],
    [
      'none, but a claim of some, which may come late',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
      false,
    ],
    ['bytes that nobody asked for', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n', false],
    ['bytes after the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx', false],
  ])('%s', (_name, answer, isPersistent) => {
    expect(read([bytes(answer)])).toMatchObject({ isOver: true, isPersistent });
  });
});

test('an answer to HEAD ends its connection: a server may send late what it claims', () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
  expect(read([bytes(answer)], { toHead: true })).toMatchObject({ isOver: true, isPersistent: false });
});

test.each([
  ['timeout=5, max=100', 5000],
  ['max=100,timeout=2', 2000],
  ['max=100', Infinity],
])('Keep-Alive: %s', (hint, keptForMs) => {
  const reader = new AnswerReader(
    { onHead: () => undefined, onData: () => undefined, onEnd: () => undefined },
    false,
  );
  reader.read(bytes(`HTTP/1.1 204 No Content\r\nKeep-Alive: ${hint}\r\n\r\n`));
  expect(reader.keptForMs).toBe(keptForMs);
});

test('headers keep their order, their duplicates and their bytes, without outer spaces', () => {
  const answer =
    'HTTP/1.1 299 M\u00fcde\r\nX-One:  a\t\r\nx-two:\r\nX-ONE: \u00e4 b\r\nContent-Length: 0\r\n\r\n';
  expect(read([bytes(answer)])).toMatchObject({
    status: 299,
    headers: ['x-one', 'a', 'x-two', '', 'x-one', '\u00e4 b', 'content-length', '0'],
  });
});

describe('what could be read in two ways is refused, in one piece or byte by byte', () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status that begins with zero', 'HTTP/1.1 020 OK\r\n\r\n'],
    ['lines that end with LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['a bare CR', 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n'],
    ['a folded line (RFC 9112 §5.2)', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a space before the colon (RFC 9112 §5.1)', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a line without a colon', 'HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['a length beyond all numbers', 'HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    [
      'two lines of codings',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a chunk without a size', `${chunked}\r\n`],
    ['a chunk size with a sign', `${chunked}+5\r\nhello\r\n`],
    ['a chunk size that is not hexadecimal', `${chunked}g\r\n`],
    ['a chunk size beyond all numbers', `${chunked}fffffffffffff\r\n`],
    ['a chunk size that ends with LF', `${chunked}5\nhello\r\n`],
    ['a chunk longer than its size', `${chunked}3\r\nhello\r\n`],
    ['a chunk that ends with LF', `${chunked}5\r\nhello\n0\r\n\r\n`],
    ['a control character in an extension', `${chunked}5;a=\0\r\nhello\r\n`],
    ['a line that is all extension', `${chunked}5;${'a'.repeat(5000)}`],
    ['trailers without end', `${chunked}0\r\n${'X: y\r\n'.repeat(4000)}`],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(12_000)}`],
  ])('%s', (_name, answer) => {
    expect(() => read([bytes(answer)])).toThrow(expect.objectContaining({ name: 'MalformedAnswerError' }));
    expect(() => read([...bytes(answer)].map((byte) => Buffer.from([byte])))).toThrow(
      expect.objectContaining({ name: 'MalformedAnswerError' }),
    );
  });
});
