/** Valid tokens, each of a grant and a sign-in of its own, as the server itself would have stored and signed them. */
import { writeFileSync } from 'node:fs';
import { exportSPKI, importJWK } from 'jose';
import { loadConfig } from '../../../src/config.ts';
import { createId } from '../../../src/crypto/secrets.ts';
import { draftToken, signToken } from '../../../src/flows/issue-tokens.ts';
import type { Services } from '../../../src/flows/services.ts';
import { createLogger } from '../../../src/http/logging.ts';
import { sql } from '../../../src/repositories/database.ts';
import { placeOf } from '../../../src/repositories/sealed-values.ts';
import { buildServices } from '../../../src/services.ts';

export interface SeedOptions {
  /** Of the server that will see the tokens. */
  readonly environment: Readonly<Record<string, string>>;
  readonly alg: 'ES256' | 'RS256';
  readonly count: number;
  /** Gets a token on each line. */
  readonly tokenFile: string;
  /** Gets the public key, as PEM. */
  readonly keyFile: string;
}

const clientId = 'bench-client';
const scopes = ['openid', 'profile', 'email'];
const batchSize = 2_000;

export async function seedTokens({
  environment,
  alg,
  count,
  tokenFile,
  keyFile,
}: SeedOptions): Promise<void> {
  const config = loadConfig({ ...environment, SIGNING_ALG: alg });
  const { services, close } = await buildServices(config, createLogger('error'));
  try {
    await services.db.query(sql`
      insert into clients (client_id, token_endpoint_auth_method, client_name, redirect_uris, grant_types,
        response_types, source, created_at, last_used_at)
      values (${clientId}, 'none', 'Bench', ${['http://127.0.0.1/callback']}, ${['authorization_code']},
        ${['code']}, 'operator', now(), now())
      on conflict do nothing`);
    const tokens: string[] = [];
    while (tokens.length < count)
      tokens.push(...(await seedBatch(services, tokens.length, Math.min(batchSize, count - tokens.length))));
    writeFileSync(tokenFile, `${tokens.join('\n')}\n`);
    const { kid } = await services.keyRing.signingKey();
    const jwk = services.keyRing.jwks.keys.find((key) => key['kid'] === kid) ?? {};
    const key = await importJWK(jwk, alg, { extractable: true });
    if (key instanceof Uint8Array) throw new TypeError('A signing key is asymmetric');
    writeFileSync(keyFile, await exportSPKI(key));
  } finally {
    await close();
  }
}

async function seedBatch(services: Services, from: number, size: number): Promise<string[]> {
  const { config, sealer, db, resources } = services;
  const [resource] = resources;
  const rows = Array.from({ length: size }, (_, at) => {
    const sessionId = createId();
    const place = placeOf('upstream_sessions.sealed_access_token', sessionId);
    const sealed = sealer.seal(`upstream-token-of-person-${from + at}`, place);
    const draft = draftToken(services, config.accessTokenTtlSeconds);
    const person = { subject: `github:${100_000 + from + at}`, email: `person${from + at}@example.com` };
    return {
      ...draft,
      ...person,
      name: `Person ${from + at}`,
      grantId: createId(),
      sessionId,
      sealed: Buffer.from(sealed).toString('hex'),
    };
  });
  await db.query(sql`
    with seeds as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}) as seed("grantId" uuid, "sessionId" uuid, jti uuid,
        "issuedAt" timestamptz, "expiresAt" timestamptz, subject text, email text, name text, sealed text)
    ), sessions as (
      insert into upstream_sessions (upstream_session_id, identity_provider, issuer, subject, sealed_access_token,
        created_at, updated_at)
      select "sessionId", 'github', 'https://github.com', subject, decode(sealed, 'hex'), "issuedAt", "issuedAt"
      from seeds
    ), granted as (
      insert into grants (grant_id, client_id, upstream_session_id, issuer, subject, email, email_verified, name,
        resource, scopes, created_at, activated_at, expires_at)
      select "grantId", ${clientId}, "sessionId", 'https://github.com', subject, email, true, name,
        ${resource.identifier}, ${scopes}::text[], "issuedAt", "issuedAt", "expiresAt"
      from seeds
    )
    insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at)
    select jti, "grantId", ${scopes}::text[], "issuedAt", "expiresAt" from seeds`);
  const facts = { clientId, resource: resource.identifier, scopes };
  const issued = await Promise.all(rows.map((row) => signToken(services, row, { ...row, ...facts })));
  return issued.map(({ accessToken }) => accessToken);
}
