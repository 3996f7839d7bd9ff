/** What a JSON text says that is lost when it has been parsed. */

/** `{ } [ ] "` and nothing else decide where in a JSON text one is. */
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Whether an object has a key twice, down to `depth` objects and arrays inside each other. RFC 8259 §4 leaves open
 * which one counts, and parsers differ. `text` must be one that `JSON.parse` accepts.
 */
export function repeatsKey(text: string, depth: number): boolean {
  /** Of each open container within `depth`: the keys so far, undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let level = 0;
  let expectsKey = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (character === quote) {
      const end = endOfString(text, index);
      const keys = level <= depth ? open[level - 1] : undefined;
      if (expectsKey && keys !== undefined) {
        const key = JSON.parse(text.slice(index, end + 1)) as string;
        if (keys.has(key)) return true;
        keys.add(key);
      }
      expectsKey = false;
      index = end;
    } else if (character === openBrace || character === openBracket) {
      level += 1;
      expectsKey = character === openBrace;
      if (level <= depth) open.push(expectsKey ? new Set() : undefined);
    } else if (character === closeBrace || character === closeBracket) {
      if (level <= depth) open.pop();
      level -= 1;
    } else if (character === comma) {
      expectsKey = true;
    }
  }
  return false;
}

/** The closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  if (end === -1) throw new Error('this is not a text that JSON.parse accepts');
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first -= 1;
  return (at - first) % 2 === 1;
}
