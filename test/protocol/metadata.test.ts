/** The well-known documents (RFC 8414, RFC 9728). */
import { describe, expect, test } from 'vitest';
import {
  authorizationServerMetadata,
  protectedResourceMetadata,
  resourceMetadataUrl,
} from '../../src/protocol/metadata.ts';
import type { Resource } from '../../src/protocol/resource.ts';

const issuer = 'https://mcp.example.com';
const resource: Resource = {
  path: '/mcp',
  identifier: `${issuer}/mcp`,
  name: 'mcp.example.com',
  serverUrl: 'http://localhost:3000/',
};

const everyClient = { policy: 'open', takesDocuments: true } as const;

describe('authorization server metadata', () => {
  const document = authorizationServerMetadata(issuer, ['openid', 'email'], ['ES256'], everyClient);

  test('issuer and endpoints are ours, absolute, without query or fragment (RFC 8414 §2)', () => {
    expect(document.issuer).toBe(issuer);
    for (const [name, path] of Object.entries({
      authorization_endpoint: '/authorize',
      token_endpoint: '/token',
      registration_endpoint: '/register',
      revocation_endpoint: '/revoke',
      introspection_endpoint: '/introspect',
      jwks_uri: '/jwks',
    })) {
      expect(document[name]).toBe(issuer + path);
    }
  });

  test('everything with a misleading default is explicit, and only what works is listed (RFC 8414 §2)', () => {
    const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    expect(document).toMatchObject({
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_methods_supported: methods.slice(1),
      response_modes_supported: ['query'],
    });
  });

  test('S256 is the only challenge method: clients refuse a server without it (MCP authorization code protection)', () => {
    expect(document.code_challenge_methods_supported).toEqual(['S256']);
  });

  test('algorithms of client assertions are announced where private_key_jwt is, none of them with a shared secret (RFC 8414 §2)', () => {
    for (const endpoint of ['token', 'revocation']) {
      const algs = document[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[];
      expect(algs).toEqual(expect.arrayContaining(['ES256', 'RS256', 'PS256', 'EdDSA']));
      expect(algs.filter((alg) => alg === 'none' || alg.startsWith('HS'))).toEqual([]);
    }
  });

  test('client metadata documents are announced exactly while they are taken (MCP client registration, protocol.md 7)', () => {
    const announced = (clients: Parameters<typeof authorizationServerMetadata>[3]) =>
      authorizationServerMetadata(issuer, ['openid'], ['ES256'], clients)
        .client_id_metadata_document_supported;
    expect(announced(everyClient)).toBe(true);
    expect(announced({ policy: 'known', takesDocuments: true })).toBe(true);
    expect(announced({ policy: 'open', takesDocuments: false })).toBeUndefined();
    expect(announced({ policy: 'off', takesDocuments: true })).toBeUndefined();
  });

  test('iss in responses is announced (RFC 9207 §3)', () => {
    expect(document.authorization_response_iss_parameter_supported).toBe(true);
  });

  test('what OpenID parsers insist on is there (OpenID Connect Discovery §3)', () => {
    expect(document).toMatchObject({
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
  });

  test('offline_access is offered here, once (SEP-2207)', () => {
    expect(document.scopes_supported).toEqual(['openid', 'email', 'offline_access']);
    const own = authorizationServerMetadata(issuer, ['offline_access'], ['ES256'], everyClient);
    expect(own.scopes_supported).toEqual(['offline_access']);
  });

  test('nothing is null, and no list is empty (RFC 8414 §3.2)', () => {
    for (const value of Object.values(document)) {
      expect(value).not.toBeNull();
      expect(value).not.toEqual([]);
    }
  });
});

describe('protected resource metadata', () => {
  test('it names the resource, its server, and how to bring a token (RFC 9728 §2)', () => {
    expect(protectedResourceMetadata(resource, issuer, ['openid', 'offline_access'])).toEqual({
      resource: 'https://mcp.example.com/mcp',
      authorization_servers: [issuer],
      scopes_supported: ['openid'],
      bearer_methods_supported: ['header'],
      resource_name: 'mcp.example.com',
    });
  });

  test('an empty list of scopes is left out (RFC 9728 §3.2)', () => {
    const document = protectedResourceMetadata(resource, issuer, ['offline_access']);
    expect(document).not.toHaveProperty('scopes_supported');
  });

  test('the well-known name stands between origin and path (RFC 9728 §3.1)', () => {
    expect(resourceMetadataUrl(issuer, resource)).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
    );
  });
});
