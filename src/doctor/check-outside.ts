/** The public address as clients meet it, from its name to its answers. */
import {
  type Answer,
  type Ask,
  type AskOptions,
  createAsk,
  describeError,
  isRedirect,
  type Network,
  readObject,
} from './ask.ts';
import { checkAddress } from './check-address.ts';
import { checkChallenge } from './check-challenge.ts';
import { checkCors } from './check-cors.ts';
import { checkDocuments } from './check-documents.ts';
import { checkEndpoints } from './check-endpoints.ts';
import {
  checkCache,
  checkKeysPublished,
  checkLimits,
  checkPlainHttp,
  checkUserAgents,
} from './check-front.ts';
import { checkStream, type StreamProbe } from './check-stream.ts';
import type { Report } from './finding.ts';

export interface Outside {
  readonly origin: string;
  readonly report: Report;
  readonly ask: Ask;
  readonly isForwardAuth: boolean;
  /** An origin whose pages may call the server. */
  readonly corsOrigin: string;
  /** Asks for a path; undefined, and reported, when there is no answer. */
  readonly try: (path: string, options?: TryOptions) => Promise<Answer | undefined>;
}

type TryOptions = AskOptions & { readonly mayBeSilent?: boolean };

export interface OutsideOptions {
  readonly isForwardAuth: boolean;
  readonly corsOrigin: string;
  /** Ids of the keys in the database; undefined when it could not be read. */
  readonly ownKids: Promise<readonly string[] | undefined>;
  /** Undefined: event streams cannot be looked at from here. */
  readonly streamProbe: StreamProbe | undefined;
}

export async function checkOutside(
  origin: string,
  options: OutsideOptions,
  network: Network,
  report: Report,
): Promise<void> {
  if (!(await checkAddress(origin, network, report))) return;
  const verifiesTls = !report.has('tls.expired', 'tls.incomplete-chain', 'tls.not-trusted', 'tls.wrong-host');
  const send = createAsk(network);
  const ask: Ask = (url, request) => send(url, { verifiesTls, ...request });
  const outside: Outside = {
    origin,
    report,
    ask,
    isForwardAuth: options.isForwardAuth,
    corsOrigin: options.corsOrigin,
    async try(path, { mayBeSilent = false, ...request } = {}) {
      try {
        return await ask(origin + path, request);
      } catch (error) {
        if (!mayBeSilent) report.found('front.unreachable', `${path.slice(0, 60)}: ${describeError(error)}`);
        return undefined;
      }
    },
  };
  if (!(await isThere(outside))) return;
  await Promise.all([
    checkDocuments(outside),
    checkChallenge(outside),
    checkCors(outside),
    checkEndpoints(outside),
    checkUserAgents(outside),
    checkLimits(outside),
    checkCache(outside),
    checkPlainHttp(outside),
    checkStream(outside, options.streamProbe),
    options.ownKids.then(async (kids) => checkKeysPublished(outside, kids)),
  ]);
}

/** Whether anything is said that only this server says, though the front may have a /health of its own. */
async function isOurs(health: Answer, { try: ask }: Outside): Promise<boolean> {
  if (readObject(health.body)?.status !== undefined) return true;
  const [metadata, resource] = await Promise.all([
    ask('/.well-known/oauth-authorization-server', { mayBeSilent: true }),
    ask('/mcp', { mayBeSilent: true }),
  ]);
  return (
    readObject(metadata?.body ?? '')?.issuer !== undefined ||
    /resource_metadata=/i.test(resource?.headers['www-authenticate'] ?? '') ||
    // An MCP server that stands open: checkChallenge tells of it.
    readObject(resource?.body ?? '') !== undefined
  );
}

/** One request before the many: when nothing answers, or all of it is somewhere else, that is the one finding. */
async function isThere(outside: Outside): Promise<boolean> {
  const { origin, report, try: ask } = outside;
  const answer = await ask('/health');
  if (answer === undefined) return false;
  const { status, headers } = answer;
  const target = URL.canParse(headers.location ?? '', origin)
    ? new URL(headers.location ?? '', origin)
    : undefined;
  if (isRedirect(answer) && target !== undefined && target.origin !== origin) {
    report.found('front.redirects', `${origin} → ${target.origin}`);
    return false;
  }
  if (status >= 502 && status <= 504) {
    report.found('front.gateway-error', `/health answers ${status}`);
    return false;
  }
  if (!(await isOurs(answer, outside))) {
    report.found('front.other-server', `/health answers ${status} ${headers['content-type'] ?? ''}`);
    return false;
  }
  return true;
}
