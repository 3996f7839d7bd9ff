/** What a request's body asks an MCP server to do, read so that no other parser can read it differently. */
import { repeatsKey } from './json-text.ts';

export type MessageId = string | number | null;

export interface RpcMessage {
  readonly id: MessageId;
  /** Undefined in a response. */
  readonly method: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Codes of JSON-RPC 2.0 §5.1, and of MCP 2026-07-28 ("Error Codes"). */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  headerMismatch: -32020,
} as const;

export interface RpcError {
  readonly code: (typeof rpcCodes)[keyof typeof rpcCodes];
  readonly message: string;
  /** Null: it cannot be said which request is meant (JSON-RPC 2.0 §5). */
  readonly id: MessageId;
}

export interface RpcBody {
  readonly messages: readonly RpcMessage[];
  /** Several messages in an array, as MCP 2025-03-26 allows. */
  readonly isBatch: boolean;
}

/** The members that say what a message does. */
const memberNames: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
/** The members of `params` that say what it is done to. */
const paramNames: readonly string[] = ['name', 'uri', '_meta'];

/** More than this in one body is no use to anybody, and looking at every key would hold up everybody else. */
const maxMessages = 100;
/** Of a message, and of each object directly inside it. Arguments are deeper, and are not looked at. */
const maxMembers = 1000;

/**
 * Reads a body as `JSON.parse` does, and refuses what other parsers might read differently: a byte order mark,
 * another encoding than UTF-8, a key that comes twice (one parser takes the first, the other the last), and a key
 * that only differs by case from one that counts (Go's parser takes `"Method"` for `"method"`).
 */
export function readMessages(body: Uint8Array): RpcBody | { readonly error: RpcError } {
  const text = decode(body);
  const value = text === undefined ? undefined : parse(text);
  if (text === undefined || value === undefined) {
    return { error: { code: rpcCodes.parseError, message: 'The body is not JSON in UTF-8', id: null } };
  }
  const isBatch = Array.isArray(value);
  const items: readonly unknown[] = isBatch ? value : [value];
  if (items.length > maxMessages) return invalid(`The batch has more than ${maxMessages} messages`, null);
  if (!items.every(isObject)) return invalid('A message must be an object', null);
  if (items.some(hasTooManyMembers)) return invalid(`An object has more than ${maxMembers} members`, null);
  // The message, and what is directly inside it.
  if (repeatsKey(text, isBatch ? 3 : 2)) return invalid('A key comes twice in one object', null);
  if (items.length === 0) return invalid('The batch is empty', null);
  const messages: RpcMessage[] = [];
  for (const item of items) {
    const { id, method, params } = item;
    const knownId = typeof id === 'string' || typeof id === 'number' ? id : null;
    if (hasLookalike(item, memberNames)) return invalid('A member’s name is misspelt', knownId);
    if (method !== undefined && typeof method !== 'string') {
      return invalid('"method" must be a string', knownId);
    }
    if (isObject(params) && hasLookalike(params, paramNames)) {
      return invalid('A parameter’s name is misspelt', knownId);
    }
    if (isAmbiguous(method) || (isObject(params) && isAmbiguous(params['name']))) {
      return invalid('A method or a name has no NUL, and no half of a surrogate pair', knownId);
    }
    messages.push({ id: knownId, method, params: isObject(params) ? params : {} });
  }
  return { messages, isBatch };
}

function invalid(message: string, id: MessageId): { readonly error: RpcError } {
  return { error: { code: rpcCodes.invalidRequest, message, id } };
}

/** Undefined when it is not UTF-8. A byte order mark stays, and is then no JSON (RFC 8259 §8.1). */
function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasTooManyMembers(message: object): boolean {
  const isLarge = (value: unknown): boolean => isObject(value) && Object.keys(value).length > maxMembers;
  return isLarge(message) || Object.values(message).some(isLarge);
}

/** Servers in C read a string up to its NUL; half a surrogate pair cannot be written in UTF-8, and many leave it out. */
function isAmbiguous(value: unknown): boolean {
  return typeof value === 'string' && (value.includes('\0') || !value.isWellFormed());
}

/** A key that some parser takes for one of `names`, and `__proto__`, which is one object in another to some. */
function hasLookalike(object: object, names: readonly string[]): boolean {
  return Object.keys(object).some((key) => {
    if (names.includes(key)) return false;
    const plain = folded(key);
    return key === '__proto__' || names.includes(plain) || names.includes(lettersOf(plain));
  });
}

/** Without differences of case and width, up to a NUL. The detour over upper case turns `ſ` into `s`, and `ı` into `i`. */
function folded(key: string): string {
  return key.replace(/\0.*$/s, '').normalize('NFKC').toUpperCase().toLowerCase();
}

/** Without what separates words: fastjson takes `me_thod` and `me-thod` for `method`. */
function lettersOf(key: string): string {
  return key.replace(/[^\p{L}\p{N}]/gu, '');
}
