/** Comments stand between events, wherever the bytes were cut (HTML Standard, "Parsing an event stream"). */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventBoundary } from '../../src/proxy/event-boundary.ts';

/** The events of a stream, field by field, as the standard reads them: CRLF, LF and CR end a line, a blank one an event. */
function readEvents(stream: string): string[][] {
  const events: string[][] = [];
  let fields: string[] = [];
  for (const line of stream.split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (fields.length > 0) events.push(fields);
      fields = [];
    } else if (!line.startsWith(':')) fields.push(line);
  }
  return [...events, fields];
}

/** Sends a comment at each cut where one may stand. */
function sendWithComments(chunks: readonly string[]): { readonly sent: string; readonly comments: number } {
  const boundary = new EventBoundary();
  let sent = '';
  let comments = 0;
  for (const chunk of chunks) {
    const comment = boundary.comment();
    if (comment !== undefined) comments += 1;
    sent += (comment ?? '') + chunk;
    boundary.add(Buffer.from(chunk, 'latin1'));
  }
  const last = boundary.comment();
  return { sent: sent + (last ?? ''), comments: comments + (last === undefined ? 0 : 1) };
}

const cut = (text: string, sizes: readonly number[]): string[] => {
  const chunks: string[] = [];
  let rest = text;
  for (const size of sizes) {
    chunks.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  return [...chunks, rest];
};

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const sizes = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 });
const line = fc.constantFrom(
  'data: {"a":1}',
  'data',
  'id: 7',
  'event: x',
  ': theirs',
  'retry: 5',
  'x\u00ff',
  ' ',
);

test('no event is changed, whatever the bytes are and wherever they are cut', () => {
  const piece = fc.oneof(line, lineEnd, lineEnd);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), sizes, (pieces, at) => {
      const stream = pieces.join('');
      expect(readEvents(sendWithComments(cut(stream, at)).sent)).toEqual(readEvents(stream));
    }),
    { numRuns: 3000 },
  );
});

test('none stands in a line, or between the lines of one event', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(line, { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
      lineEnd,
      sizes,
      (events, end, at) => {
        const stream = events.map((lines) => [...lines, '', ''].join(end)).join('');
        const blocks = events.map((lines) => [...lines, ''].join(end));
        const { sent } = sendWithComments(cut(stream, at));
        // Without what came between, every event is there in one piece, and the comments end their lines as the stream does.
        let from = 0;
        for (const block of blocks) {
          const found = sent.indexOf(block, from);
          expect(found).toBeGreaterThanOrEqual(0);
          from = found + block.length;
        }
        expect(sent.replaceAll(`: keep-alive${end}${end}`, '').replaceAll(': keep-alive\n\n', '')).toBe(
          stream,
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test.each(['\n', '\r\n', '\r'])(
  'after each complete event one may stand, with lines that end with %j',
  (end) => {
    const event = `data: 1${end}${end}`;
    for (let at = 0; at <= event.length; at += 1) {
      const { sent } = sendWithComments([event, event.slice(0, at), event.slice(at)]);
      expect(sent.split(': keep-alive').length - 1).toBeGreaterThanOrEqual(3);
      expect(sent.endsWith(`: keep-alive${end}${end}`)).toBe(true);
    }
  },
);

test.each([
  ['data: 1', '\n\n'],
  ['data: 1\n', '\n'],
  ['data: 1\r', '\n\r\n'],
  ['data: 1\r\n', '\r\n'],
  ['data: 1\r\n\r', '\n'],
  ['data: 1\n\r', '\n'],
])('%j may go on with %j: nothing stands between the two', (begun, rest) => {
  const boundary = new EventBoundary();
  boundary.add(Buffer.from(begun));
  expect(boundary.comment()).toBeUndefined();
  boundary.add(Buffer.from(rest));
  expect(boundary.comment()).toMatch(/^: keep-alive/);
});

test('a stream that has not begun may begin with one', () => {
  expect(new EventBoundary().comment()).toBe(': keep-alive\n\n');
});
