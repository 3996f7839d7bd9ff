/** The endpoints of a sign-in, each asked for something that it must refuse: nothing is registered, nothing begins. */
import { isRedirect, readObject } from './ask.ts';
import type { Outside } from './check-outside.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

const endpoints = [
  { path: '/token', method: 'POST', headers: form, body: '', isForPeople: false },
  { path: '/revoke', method: 'POST', headers: form, body: '', isForPeople: false },
  {
    path: '/register',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[]',
    isForPeople: false,
  },
  { path: '/authorize?client_id=doctor', method: 'GET', headers: { accept: 'text/html' }, isForPeople: true },
  { path: '/callback', method: 'GET', headers: { accept: 'text/html' }, isForPeople: true },
] as const;

/** Ours refuse with these; 404 is /register where `CLIENT_REGISTRATION` is `off`. */
const ours = new Set([400, 401, 403, 404]);

export async function checkEndpoints(outside: Outside): Promise<void> {
  const { report } = outside;
  await Promise.all(
    endpoints.map(async ({ path, isForPeople, ...request }) => {
      const answer = await outside.try(path, request);
      if (answer === undefined) return;
      const what = `${request.method} ${path.split('?', 1)[0] ?? ''}`;
      const { status, headers } = answer;
      if (isRedirect(answer)) return report.found('front.redirects', `${what} → ${headers.location}`);
      if (status === 429) return report.found('front.rate-limited', what);
      const isOurs = isForPeople
        ? status === 400 && headers['x-request-id'] !== undefined
        : typeof readObject(answer.body)?.error === 'string';
      if (isOurs) return;
      if (!isForPeople && status === 400)
        report.found('endpoint.html', `${what}: ${headers['content-type'] ?? 'nothing'}`);
      else if (!ours.has(status) || status !== 400 || isForPeople)
        report.found('endpoint.blocked', `${what} answers ${status}`);
    }),
  );
}
