/** What a person can do when a step of `npm run try` does not work. */
import { type Exchange, UnreachableError } from './recorded-fetch.ts';
import { BrowserError } from '../scripted-browser.ts';

/** A step did not do what it must: the message says what is wrong, and what to do where that is known. */
export class TryError extends Error {
  override readonly name = 'TryError';
  /** What it is about, when that is not the last that was sent. */
  readonly exchange: Exchange | undefined;
  constructor(message: string, exchange?: Exchange) {
    super(message);
    this.exchange = exchange;
  }
}

export function explainFailure(
  error: unknown,
  { url, last }: { url: URL; last: Exchange | undefined },
): string {
  if (error instanceof TryError) return error.message;
  if (error instanceof UnreachableError) {
    return `${error.message}. Start the demo in another shell (npm run demo), or give the address of your proxy: npm run try -- https://mcp.example.com/mcp`;
  }
  if (error instanceof BrowserError) {
    return `${error.message}. --auto knows our consent page and the sample identity provider of npm run demo; for any other, run it without --auto.`;
  }
  const message = error instanceof Error ? error.message : 'unknown failure';
  return last === undefined || last.status < 400 ? message : `${whatToDo(last, url)}\n${message}`;
}

function whatToDo({ url: asked, status, headers }: Exchange, url: URL): string {
  if (status === 429) return 'There were too many requests: wait a minute, and try again.';
  if (asked.href === url.href && (status === 502 || status === 504)) {
    return 'The proxy does not reach the MCP server behind it: is it running, and is MCP_SERVER_URL its address?';
  }
  const requestId = headers.get('x-request-id');
  const log = requestId === null ? '' : `: look for ${requestId}`;
  return status >= 500
    ? `The server cannot do its work: ${new URL('/health/ready', url).href} says what it misses, and its log has the reason${log}.`
    : `The server refused this request; its log has the reason${log}.`;
}
