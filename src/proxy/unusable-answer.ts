/** Which answers of the MCP server are failures of the server itself. */
import type { ProxyTarget } from '../protocol/resource.ts';
import { type AnswerHead, valueOf } from './upstream/answer-head.ts';

/** The MCP server answered, but with something that no client of ours may see. The message is for the operator. */
export class UnusableAnswerError extends Error {
  override readonly name = 'UnusableAnswerError';
}

/** Why it is unusable, for the operator. `path` is what was asked for, with its query. */
export function whyUnusable(
  { status, rawHeaders }: Pick<AnswerHead, 'status' | 'rawHeaders'>,
  path: string,
  { origin, endpointPath }: ProxyTarget,
): string | undefined {
  // Clients would take its 401 for ours, and sign in again and again.
  if (status === 401)
    return 'the MCP server answered 401: it must take the identity headers for its credentials';
  // It is for proxies to say, and they cannot mean the client of another (RFC 9110 §15.5.8).
  if (status === 407) return 'the MCP server answered 407, which is for proxies to answer';
  if (status > 599) return `the MCP server answered with status ${status}`;
  if (status < 300 || status > 399) return undefined;
  // To us the endpoint with and without its trailing slash is one, so this redirect would lead back here for ever.
  const location = valueOf(rawHeaders, 'location');
  if (
    endpointPath === undefined ||
    location === undefined ||
    path.split('?', 1)[0] !== endpointPath ||
    !URL.canParse(location, origin + path)
  ) {
    return undefined;
  }
  const url = new URL(location, origin + path);
  const otherSpelling = endpointPath.endsWith('/') ? endpointPath.slice(0, -1) : `${endpointPath}/`;
  if (url.origin !== origin || url.pathname !== otherSpelling) return undefined;
  return `the MCP server redirects ${endpointPath} to ${otherSpelling}: set MCP_SERVER_URL to ${origin}${otherSpelling}`;
}
