/** What a page in a browser may do: a preflight, and reading the challenge (protocol.md 13, 132). */
import { isRedirect } from './ask.ts';
import type { Outside } from './check-outside.ts';

const requested = 'authorization,content-type,mcp-protocol-version';

export async function checkCors(outside: Outside): Promise<void> {
  const { report, corsOrigin: origin } = outside;
  const [preflight, refused] = await Promise.all([
    outside.try('/mcp', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': requested,
      },
    }),
    outside.try('/mcp', { method: 'POST', headers: { origin } }),
  ]);
  if (preflight !== undefined && !isRedirect(preflight)) {
    const allowed = (preflight.headers['access-control-allow-headers'] ?? '').toLowerCase();
    const missing = requested.split(',').filter((name) => !allowed.includes(name));
    const isBlocked =
      preflight.status >= 300 || preflight.headers['access-control-allow-origin'] === undefined;
    if (isBlocked) report.found('cors.blocked', `OPTIONS /mcp answers ${preflight.status}`);
    else if (missing.length > 0)
      report.found('cors.blocked', `OPTIONS /mcp does not allow ${missing.join(', ')}`);
  }
  if (refused === undefined || refused.status !== 401) return;
  const origins = (refused.distinct['access-control-allow-origin'] ?? []).flatMap((value) =>
    value.split(','),
  );
  const exposed = (refused.headers['access-control-expose-headers'] ?? '').toLowerCase();
  if (origins.length > 1) report.found('cors.doubled', origins.join(', '));
  else if (origins.length === 0) report.found('cors.missing', 'POST /mcp has no Access-Control-Allow-Origin');
  else if (!exposed.includes('www-authenticate'))
    report.found('cors.missing', 'POST /mcp does not expose WWW-Authenticate');
}
