/** The request headers that repeat parts of the body: `Mcp-Method`, `Mcp-Name`, `MCP-Protocol-Version` (SEP-2243). */
import type { RpcBody, RpcMessage } from './json-rpc.ts';

/** Where `Mcp-Name` comes from (MCP 2026-07-28, "Standard Request Headers"). */
const nameSources: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/**
 * What the headers and the body disagree about; undefined when nothing. Headers may be missing, since clients of older
 * revisions send none, and whether one had to be there is for the MCP server to say. `rawHeaders` is name, value,
 * name, value …; the message repeats nothing of the request.
 */
export function findMismatch(
  rawHeaders: readonly string[],
  { messages, isBatch }: RpcBody,
): string | undefined {
  const methods = headerValues(rawHeaders, 'mcp-method');
  const names = headerValues(rawHeaders, 'mcp-name');
  const versions = headerValues(rawHeaders, 'mcp-protocol-version');
  if ([methods, names, versions].some(({ length }) => length > 1)) return 'A header comes more than once';
  const [message] = messages;
  const isOne = message !== undefined && !isBatch;
  const [method] = methods;
  if (method !== undefined && !(isOne && message.method === method)) {
    return 'Header mismatch: Mcp-Method does not match the body';
  }
  const [name] = names;
  if (name !== undefined && !(isOne && isNameOf(message, decodeValue(name)))) {
    return 'Header mismatch: Mcp-Name does not match the body';
  }
  const [version] = versions;
  const claimed = messages.map(({ params }) => claimedVersion(params)).filter((claim) => claim !== undefined);
  if (version !== undefined && claimed.some((claim) => claim !== version)) {
    return 'Header mismatch: MCP-Protocol-Version does not match the body';
  }
  return undefined;
}

/** Values of a header in any spelling that a server could take for it (as in `proxy/forwarded-headers.ts`). */
export function headerValues(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter(
    (_value, index) =>
      index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase().replace(/[^a-z0-9]/g, '-') === name,
  );
}

/** Methods of extensions say themselves which parameter they mirror: any that has this value will do. */
function isNameOf({ method = '', params }: RpcMessage, name: string | undefined): boolean {
  const source = nameSources.get(method);
  if (name === undefined) return false;
  return source === undefined ? Object.values(params).includes(name) : params[source] === name;
}

/** A value outside ASCII is carried as `=?base64?…?=` ("Value Encoding"). Undefined when it is badly encoded. */
function decodeValue(value: string): string | undefined {
  const [, encoded] = /^=\?base64\?(.*)\?=$/s.exec(value) ?? [];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function claimedVersion({ _meta: meta }: RpcMessage['params']): unknown {
  return typeof meta === 'object' && meta !== null
    ? (meta as Record<string, unknown>)['io.modelcontextprotocol/protocolVersion']
    : undefined;
}
