/** The documents by which clients find everything (RFC 8414, RFC 9728, OpenID Connect Discovery). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
beforeAll(async () => {
  local = await openSite();
});
afterAll(() => local.site.close());

describe('authorization server metadata', () => {
  test('is JSON at the well-known address, for everyone (RFC 8414 §3)', verifies('as-metadata'), async () => {
    const answer = await local.ask('/.well-known/oauth-authorization-server');

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json()).toMatchObject({ issuer: local.issuer });
  });
});
