/** What firewalls, caches and limits in front do to requests that differ in one thing only. */
import { type Answer, readObject } from './ask.ts';
import type { Outside } from './check-outside.ts';

/** As clients send them (clients.md §6.1, and `sequences`). */
const agents = {
  'Claude (sign-in)': 'python-httpx/0.28.1',
  'Claude (calls)': 'Claude-User',
  ChatGPT: 'openai-mcp/1.0.0',
  'clients on Node': 'node',
};
const browser =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

const agentPaths = ['/mcp', '/.well-known/oauth-authorization-server'] as const;

export async function checkUserAgents(outside: Outside): Promise<void> {
  await Promise.all(
    agentPaths.map(async (path) => {
      const ask = async (agent: string) =>
        outside.try(path, { headers: { 'user-agent': agent, accept: 'application/json' } });
      const expected = await ask(browser);
      if (expected === undefined) return;
      for (const [client, agent] of Object.entries(agents)) {
        const answer = await ask(agent);
        if (answer?.status !== expected.status)
          outside.report.found(
            'front.user-agent-blocked',
            `${client}: "${agent}" gets ${answer?.status ?? 'no answer'} at ${path}, a browser ${expected.status}`,
          );
      }
    }),
  );
}

export async function checkLimits({ try: ask, report }: Outside): Promise<void> {
  const tooLong = (answer: Answer | undefined) =>
    answer !== undefined &&
    ([413, 414, 431, 494].includes(answer.status) || answer.body.includes('Header Or Cookie Too Large'));
  const long = 'a'.repeat(4096);
  const [token, address, body] = await Promise.all([
    ask('/mcp', { method: 'POST', headers: { authorization: `Bearer ${long}` } }),
    ask(`/authorize?client_id=doctor&state=${long}`, { headers: { accept: 'text/html' } }),
    // No answer is a good one: it waits for the body.
    ask('/mcp', { method: 'POST', announcedLength: 4 * 1024 * 1024, timeoutMs: 1_500, mayBeSilent: true }),
  ]);
  if (tooLong(token)) report.found('front.header-limit', `a token of 4 KiB is answered ${token?.status}`);
  if (tooLong(address))
    report.found('front.header-limit', `an address of 4 KiB is answered ${address?.status}`);
  if (tooLong(body)) report.found('front.body-limit', `a body of 4 MiB is answered ${body?.status}`);
}

/** Each answer of ours has an id of its own: the same one twice came from a store. */
export async function checkCache({ try: ask, report }: Outside): Promise<void> {
  const request = { headers: { accept: 'application/json' } };
  const ids: unknown[] = [];
  // A store may need a moment to have what it was given: so the second answer alone proves nothing.
  for (let asked = 0; asked < 3; asked += 1) {
    const id = (await ask('/mcp', request))?.headers['x-request-id'];
    if (id === undefined) return;
    if (ids.includes(id))
      return report.found('front.cached', `GET /mcp gives the answer of request ${String(id)} again`);
    ids.push(id);
  }
}

/** The keys are what only this server publishes. */
export async function checkKeysPublished(
  outside: Outside,
  ownKids: readonly string[] | undefined,
): Promise<void> {
  if (ownKids === undefined || ownKids.length === 0) {
    outside.report.unknown(
      'front',
      'whether it is this server that answers: its keys could not be read here',
    );
    return;
  }
  const answer = await outside.try('/jwks');
  const keys = readObject(answer?.body ?? '')?.keys;
  if (!Array.isArray(keys)) return;
  const kids = keys.flatMap((key: unknown) =>
    typeof key === 'object' && key !== null && 'kid' in key ? [String(key.kid)] : [],
  );
  if (kids.some((kid) => ownKids.includes(kid))) {
    outside.report.passed('front', 'it is this server that answers');
  } else
    outside.report.found(
      'front.other-server',
      `its keys are ${kids.join(', ')}; the database has ${ownKids.join(', ')}`,
    );
}

/** On a public https address, what port 80 says. Nobody there is fine too. */
export async function checkPlainHttp({ origin, ask, report }: Outside): Promise<void> {
  const { protocol, hostname, port } = new URL(origin);
  if (protocol !== 'https:' || port !== '') return;
  const answer = await ask(`http://${hostname}/mcp`, { method: 'POST', timeoutMs: 4_000 }).catch(
    () => undefined,
  );
  if (answer?.status === 401 || answer?.status === 200) {
    report.found('front.plain-http', `http://${hostname}/mcp answers ${answer.status}`);
  }
}
