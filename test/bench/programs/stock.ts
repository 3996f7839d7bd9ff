/** The usual parts with their defaults: @fastify/http-proxy, and jose verifying every token. `stock.js PORT BACKEND KEY ISSUER` */
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { importSPKI, jwtVerify } from 'jose';
import { readFileSync } from 'node:fs';

const [port, upstream = '', keyFile = '', issuer = ''] = process.argv.slice(2);
const key = await importSPKI(readFileSync(keyFile, 'utf8'), 'RS256');
const expected = { issuer, audience: `${issuer}/mcp`, typ: 'at+jwt', algorithms: ['RS256'] };
const app = Fastify();

app.addHook('preHandler', async (request, reply) => {
  const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
  const verified = await jwtVerify(token, key, expected).catch(() => undefined);
  if (verified === undefined) return reply.code(401).send();
  request.headers['x-forwarded-user'] = verified.payload.sub;
  return undefined;
});
await app.register(httpProxy, { upstream });
await app.listen({ host: '127.0.0.1', port: Number(port) });
