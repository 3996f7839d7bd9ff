/**
 * A bare Node proxy that asks PostgreSQL for the token and its grant on every request, and checks no signature, so that
 * the look-up alone is what is compared. `look-up.js PORT BACKEND DSN`
 */
import { createServer } from 'node:http';
import { Pool } from 'pg';
import { collectBody, forward, openPool, passedOn } from './dispatch.ts';

const [port, backend = '', connectionString = ''] = process.argv.slice(2);
const pool = openPool(backend);
const database = new Pool({ connectionString, max: 10 });

const query = {
  name: 'token',
  text: `select grants.subject
    from access_tokens join grants using (grant_id)
    where jti = $1 and access_tokens.expires_at > now()
      and access_tokens.revoked_at is null and grants.revoked_at is null`,
};

async function findSubject(authorization: string | undefined): Promise<string | undefined> {
  const payload = authorization?.split('.')[1];
  if (payload === undefined) return undefined;
  const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string };
  const { rows } = await database.query<{ subject: string }>({ ...query, values: [jti] });
  return rows[0]?.subject;
}

createServer((request, response) => {
  collectBody(request, (body) => {
    findSubject(request.headers.authorization).then(
      (subject) => {
        if (subject === undefined) {
          response.writeHead(401).end();
          return;
        }
        const headers = [...passedOn(request.rawHeaders), 'x-forwarded-user', subject];
        forward(pool, request, response, { headers, body });
      },
      () => response.writeHead(503).end(),
    );
  });
}).listen(Number(port), '127.0.0.1');
