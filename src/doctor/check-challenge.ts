/** What a request without a good token gets at the resource: 401 and where to sign in, on each method (protocol.md 94). */
import { type Answer, isRedirect } from './ask.ts';
import type { Outside } from './check-outside.ts';

const methods = ['POST', 'GET', 'DELETE', 'HEAD'] as const;

export async function checkChallenge(outside: Outside): Promise<void> {
  const places = ['/mcp', '/mcp/'].flatMap((path) => methods.map((method) => ({ path, method })));
  await Promise.all([
    ...places.map(async ({ path, method }) => {
      const answer = await outside.try(path, {
        method,
        headers: { accept: 'application/json, text/event-stream' },
      });
      if (answer !== undefined) judge(`${method} ${path}`, answer, outside);
    }),
    checkAuthorization(outside),
  ]);
}

function judge(what: string, answer: Answer, { origin, report }: Outside): void {
  const { status, headers } = answer;
  if (isRedirect(answer)) return report.found('front.redirects', `${what} → ${headers.location}`);
  // A page is no MCP server that stands open: it is another server.
  if (status >= 200 && status < 300 && !/^text\/html/i.test(headers['content-type'] ?? ''))
    return report.found('challenge.open', `${what} answers ${status}`);
  if (status === 429) return report.found('front.rate-limited', what);
  if (status >= 502 && status <= 504) return report.found('front.gateway-error', `${what} answers ${status}`);
  if (status === 404 && what.startsWith('POST') && /"error"\s*:|"message"\s*:/.test(answer.body)) {
    return report.found('front.path-rewritten', `${what} answers 404`);
  }
  if (status !== 401) return report.found('challenge.status', `${what} answers ${status}`);
  const challenges = answer.distinct['www-authenticate'] ?? [];
  const bearer = challenges.filter((challenge) => /^bearer\b/i.test(challenge));
  if (bearer.length === 0)
    return report.found('challenge.missing', `${what}: ${challenges.join(', ') || 'no such header'}`);
  const expected = `${origin}/.well-known/oauth-protected-resource/mcp`;
  if (bearer.length > 1 || challenges.length > 1 || !bearer[0]?.includes(`resource_metadata="${expected}"`)) {
    report.found('challenge.changed', `${what}: ${challenges.join(' | ')}`);
  }
}

/** The answer to a token that is no good tells that the token came through: only then has it an `error`. */
async function checkAuthorization(outside: Outside): Promise<void> {
  const headers = { authorization: 'Bearer doctor', accept: 'application/json' };
  const answer = await outside.try('/mcp', { method: 'POST', headers });
  const challenge = answer?.headers['www-authenticate'];
  if (answer?.status === 401 && challenge !== undefined && !challenge.includes('error=')) {
    outside.report.found('front.authorization-dropped', 'POST /mcp with a token is answered as one without');
  }
}
