/**
 * What the specifications ask of this server, one row a requirement, and where each is written.
 *
 * Ids are slugs: they say what they are about, tests and `docs/divergences.md` cite them, and they stay when wording
 * changes. A test says which it verifies with `verifies('id')`; a run of the whole suite fails when no passed test
 * verifies a row. See README.md beside this file.
 *
 * Sections of OAuth 2.1 are those of draft 13, and of Client ID Metadata Documents those that MCP 2026-07-28 cites.
 */

export type Revision = '2025-03-26' | '2025-06-18' | '2025-11-25' | '2026-07-28';

export interface Requirement {
  readonly source: string;
  /** `practice`: no specification asks for it, real clients or safety do. */
  readonly level: 'MUST' | 'SHOULD' | 'MAY' | 'practice';
  /** The first MCP revision that asks for it; `OAuth` where it does not depend on one. */
  readonly since: Revision | 'OAuth';
  readonly says: string;
  /**
   * `diverges`: met in part or in another way, as docs/divergences.md says; its test shows what is done instead.
   * `not offered`: an extension that this server does not have; its test shows that it is neither announced nor accepted.
   */
  readonly status?: 'diverges' | 'not offered';
}

const rfc = (number: number, section: string) =>
  `https://www.rfc-editor.org/rfc/rfc${number}#section-${section}`;
const oauth21 = (section: string) =>
  `https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-${section}`;
const cimd = (section: string) =>
  `https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-${section}`;
const mcp = (revision: Revision, page: string, heading?: string) =>
  `https://modelcontextprotocol.io/specification/${revision}/basic/${page}${heading === undefined ? '' : `#${heading}`}`;
const mcpSecurity = (heading: string) => mcp('2026-07-28', 'authorization/security-considerations', heading);
const mcpRegistration = (heading: string) => mcp('2026-07-28', 'authorization/client-registration', heading);
/** The best practices for MCP servers that are one client of an identity provider, as this one. */
const confusedDeputy = mcp('2025-11-25', 'security_best_practices', 'required-protections');

export const requirements = {
  // ---- Authorization server: metadata and discovery

  'as-metadata': {
    source: rfc(8414, '3'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'Authorization server metadata is served at the well-known address, as JSON, to everyone.',
  },
  'as-metadata-issuer': {
    source: rfc(8414, '3.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The issuer is one string, byte for byte, in metadata, protected resource metadata, answers and tokens, and no request changes it.',
  },
  'as-metadata-members': {
    source: rfc(8414, '2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Issuer, endpoints and response types are there; the issuer has no query and no fragment.',
  },
  'as-metadata-pkce': {
    source: mcpSecurity('authorization-code-protection'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'code_challenge_methods_supported has S256, and plain is not announced.',
  },
  'as-metadata-explicit': {
    source: rfc(8414, '2'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'Grant types and authentication methods are listed; what is listed works, what is not listed is refused.',
  },
  'as-metadata-no-empty-members': {
    source: rfc(8414, '3.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Empty arrays are left out, and no member is null.',
  },
  'as-metadata-cimd': {
    source: mcpRegistration('advertising-cimd-support'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'client_id_metadata_document_supported is true exactly when metadata documents work as client ids.',
  },
  'as-metadata-iss-parameter': {
    source: rfc(9207, '3'),
    level: 'MUST',
    since: '2026-07-28',
    says: 'authorization_response_iss_parameter_supported is true, since iss is sent.',
  },
  jwks: {
    source: rfc(9068, '4'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The keys of access tokens are published, public parts only, each with id, use and algorithm.',
  },
  'signing-rs256': {
    source: rfc(9068, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Access tokens can be signed with RS256.',
    status: 'diverges',
  },
  'root-fallback-endpoints': {
    source: mcp('2025-03-26', 'authorization', 'fallbacks-for-servers-without-metadata-discovery'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Metadata, /authorize, /token and /register are at the root of the origin, for clients that know only that.',
  },
  'openid-configuration': {
    source: mcpSecurity('authorization-code-protection'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'Where the OpenID name is served, it announces PKCE and has the members that OpenID parsers insist on.',
    status: 'diverges',
  },
  'well-known-unknown': {
    source: rfc(8414, '3.2'),
    level: 'practice',
    since: 'OAuth',
    says: 'An unknown well-known address is 404 as JSON for everyone: never a page, never 401.',
  },
  'discovery-forms': {
    source: rfc(8414, '3.1'),
    level: 'MAY',
    since: '2025-11-25',
    says: 'Every document is found at the root, with the path behind the well-known name, and with the name behind the path.',
  },
  'discovery-head': {
    source: rfc(9110, '9.3.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'HEAD has the headers of GET and no body; other methods are 405 as JSON.',
  },
  'discovery-caching': {
    source: rfc(9110, '12.5.5'),
    level: 'practice',
    since: 'OAuth',
    says: 'Documents may be cached for minutes, are JSON in UTF-8, and are the same for every caller.',
  },
  'cors-machines': {
    source: rfc(9700, '2.6'),
    level: 'MAY',
    since: 'OAuth',
    says: 'Scripts of any site may use metadata, keys, token, revocation and registration endpoints, errors included, never with credentials.',
  },
  'cors-never-on-pages': {
    source: rfc(9700, '2.6'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The authorization endpoint, consent and callback never allow scripts of other sites.',
  },
  'offline-access-as-only': {
    source: mcp('2026-07-28', 'authorization', 'refresh-tokens'),
    level: 'SHOULD',
    since: '2026-07-28',
    says: 'offline_access is announced by the authorization server, and neither by the resource nor in its challenges.',
  },

  // ---- Authorization endpoint

  'authorize-parameters': {
    source: rfc(6749, '3.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'GET and POST work, unknown parameters are ignored, empty ones count as absent.',
  },
  'authorize-repeated-parameter': {
    source: rfc(6749, '3.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A repeated parameter is invalid_request, except resource; for client_id and redirect_uri nothing is redirected.',
  },
  'authorize-bad-client-or-redirect': {
    source: oauth21('4.1.2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'An unknown client, and a missing or unregistered redirect_uri, give a page and no redirect.',
  },
  'redirect-uri-exact': {
    source: rfc(9700, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A redirect URI is compared character for character.',
  },
  'redirect-uri-loopback': {
    source: oauth21('8.4.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'On loopback any port matches; scheme, host, path and query are still exact, and no other host is taken for loopback.',
    status: 'diverges',
  },
  'redirect-uri-omitted': {
    source: oauth21('2.3.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'redirect_uri may be left out only where one is registered.',
  },
  'redirect-uri-schemes': {
    source: mcpSecurity('communication-security'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Redirect URIs are https or loopback, without a fragment.',
    status: 'diverges',
  },
  'pkce-required': {
    source: oauth21('4.1.1'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Every client uses PKCE with S256; a missing, plain, unknown or malformed challenge is invalid_request.',
  },
  'response-type-code': {
    source: rfc(6749, '4.1.2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A response_type other than code is unsupported_response_type.',
  },
  'resource-at-authorize': {
    source: rfc(8707, '2'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'A resource that is not ours, or has a fragment, is invalid_target; none means the one that is served.',
  },
  'resource-canonical': {
    source: mcp('2026-07-28', 'authorization', 'canonical-server-uri'),
    level: 'SHOULD',
    since: '2025-06-18',
    says: 'Upper-case scheme and host, the default port, a trailing slash and the bare origin mean the same resource.',
  },
  'scope-unknown': {
    source: rfc(6749, '3.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'An unknown scope is left out or refused, and the answer says what was granted; no scope means the default.',
    status: 'diverges',
  },
  'authorize-response': {
    source: oauth21('4.1.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The answer has the code and the exact state, once each, and keeps the query of the redirect URI.',
  },
  'authorize-response-iss': {
    source: rfc(9207, '2'),
    level: 'SHOULD',
    since: '2026-07-28',
    says: 'iss is in every answer, once: in success and in errors.',
  },
  'code-bound-and-short': {
    source: oauth21('4.1.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A code lives at most ten minutes, works once, and only for its client, redirect URI, challenge, resource and scope.',
  },
  'no-open-redirector': {
    source: mcpSecurity('open-redirection'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'For a client that registered itself no browser is sent on before the person acted.',
  },
  'authorize-errors-redirected': {
    source: rfc(6749, '4.1.2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Errors in an authorization request with a good redirect URI are sent to it.',
    status: 'diverges',
  },
  'no-307': {
    source: rfc(9700, '4.12'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A form that carries something is answered with 303, never with 307 or 308.',
  },
  'no-framing': {
    source: rfc(9700, '4.16'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Pages cannot be framed, run no script, send no referrer, are not stored, and have no form-action that would stop the way back.',
  },
  'consent-asked-again': {
    source: oauth21('7.3.1'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'A client whose identity is not proven by its redirect URI is asked about each time.',
    status: 'diverges',
  },
  'pages-escape': {
    source: oauth21('7.11'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Nothing that a client says becomes markup in a page, and no secret is in the address of one.',
  },

  // ---- Token endpoint

  'token-post-form': {
    source: rfc(6749, '3.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The token endpoint takes forms by POST; other methods, other types and parameters in the query are refused.',
  },
  'token-parameters': {
    source: rfc(6749, '5.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Repeated and missing parameters are invalid_request, unknown grant types unsupported_grant_type; password and implicit do not exist.',
  },
  'token-response': {
    source: rfc(6749, '5.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Answers and errors are JSON and not stored; an answer has Bearer, a number of seconds and the scope.',
  },
  'token-error-response': {
    source: rfc(6749, '5.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Errors are 400, invalid_client 401 with a challenge where the header was used; texts have the allowed characters.',
  },
  'client-authentication': {
    source: rfc(6749, '2.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A client authenticates by its registered method, by one at a time, never in the URI; a public client has no secret.',
    status: 'diverges',
  },
  'client-secret-basic-encoding': {
    source: rfc(6749, '2.3.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Both parts of Basic credentials are form-url-encoded; client_secret_post works where secrets are issued.',
  },
  'client-unknown': {
    source: rfc(6749, '5.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A client that does not exist, or not any more, gets 401 invalid_client, and nothing else says so.',
  },
  'code-other-client': {
    source: oauth21('4.1.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A code of another client is invalid_grant, and still works for its own.',
  },
  'pkce-verifier': {
    source: rfc(7636, '4.6'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'A missing, wrong or malformed code_verifier gets no token.',
  },
  'code-redirect-uri': {
    source: oauth21('10.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A redirect_uri in the token request must be the one of the authorization request; it may be left out.',
  },
  'code-reuse': {
    source: oauth21('7.5.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A second, otherwise right use of a code ends what the first one got; a wrong attempt ends and uses up nothing.',
  },
  'code-concurrent': {
    source: oauth21('4.1.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Of many simultaneous uses of a code at most one gets tokens.',
  },
  'resource-at-token': {
    source: rfc(8707, '2.2'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'A resource in a token request must be the authorized one, or it is invalid_target and nothing is used up.',
  },
  'refresh-scope': {
    source: rfc(6749, '6'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A refresh is bound to its client; it may narrow the scope and never widen it, and narrowing does not last.',
  },
  'refresh-rotation': {
    source: oauth21('4.3.1'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'Refresh tokens of public clients are replaced at each use; the use of a replaced one ends the whole grant.',
    status: 'diverges',
  },
  'refresh-concurrent': {
    source: rfc(9700, '4.14.2'),
    level: 'practice',
    since: 'OAuth',
    says: 'Clients that refresh twice at once, or lost an answer, all get tokens within the grace window.',
  },
  'refresh-token-lifetime': {
    source: oauth21('4.3.3'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'Refresh tokens expire when unused, have an absolute lifetime, and end with the person’s access.',
    status: 'diverges',
  },
  'transient-is-not-dead': {
    source: rfc(9110, '15.6.4'),
    level: 'practice',
    since: 'OAuth',
    says: 'Trouble of ours is 503 or 429 with Retry-After, never invalid_grant or 401, and costs nobody a session.',
  },
  'refresh-token-issuance': {
    source: mcp('2026-07-28', 'authorization', 'refresh-tokens'),
    level: 'SHOULD',
    since: '2026-07-28',
    says: 'A refresh token is issued by policy: for clients with that grant type, or that ask for offline_access.',
    status: 'diverges',
  },
  'access-token-short-lived': {
    source: mcpSecurity('token-theft'),
    level: 'SHOULD',
    since: '2025-03-26',
    says: 'Access tokens are short-lived, signed, and for one resource.',
  },
  'client-credentials-grant': {
    source: oauth21('4.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'client_credentials is for confidential clients, whose ids nobody can choose and no person has.',
  },

  // ---- Access tokens

  'access-token-header': {
    source: rfc(9068, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The header has typ at+jwt, an asymmetric algorithm and the id of a published key.',
  },
  'access-token-claims': {
    source: rfc(9068, '2.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'iss, exp, aud, sub, client_id, iat, jti and scope are there, as typed; aud is the address of the MCP server.',
  },
  'access-token-no-secrets': {
    source: rfc(9068, '6'),
    level: 'MUST',
    since: 'OAuth',
    says: 'There is no token or secret of the identity provider in it, nor more of the person than sub, email and name.',
  },
  'signing-key-rotation': {
    source: rfc(9068, '4'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A new key is published before it signs, and an old one for as long as its tokens live.',
  },
  'access-token-type-checked': {
    source: rfc(9068, '4'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Another kind of JWT, by whatever key, is not taken for an access token.',
  },

  // ---- Revocation and introspection

  'revoke-request': {
    source: rfc(7009, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Revocation takes forms by POST from clients that authenticate as at the token endpoint; otherwise nothing is revoked.',
  },
  'revoke-response': {
    source: rfc(7009, '2.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'An unknown token is 200, an unknown hint is ignored, a missing token is 400.',
  },
  'revoke-effect': {
    source: rfc(7009, '2.1'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'A revoked refresh token takes its access tokens with it; a revoked access token stops at once, alone.',
  },
  'revoke-other-client': {
    source: rfc(7009, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Nobody can revoke the token of another client.',
    status: 'diverges',
  },
  introspection: {
    source: rfc(7662, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Introspection refuses callers that do not authenticate and public clients.',
  },
  'introspection-response': {
    source: rfc(7662, '2.2'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A token that is not active gives exactly {"active":false}; an active one its facts.',
  },

  // ---- Dynamic client registration

  'register-policy': {
    source: mcpRegistration('dynamic-client-registration'),
    level: 'MAY',
    since: '2025-03-26',
    says: 'Clients can register themselves; where that is switched off, it is not announced.',
  },
  'register-response': {
    source: rfc(7591, '3.2.1'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Registration is 201, JSON, not stored, with everything that was registered, defaults included, times as integers.',
  },
  'register-secret': {
    source: rfc(7591, '3.2.1'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'A secret comes with client_secret_expires_at, an integer; a public client gets no secret.',
  },
  'register-no-null': {
    source: rfc(7591, '3.2.1'),
    level: 'practice',
    since: 'OAuth',
    says: 'No member of the answer is null or empty, whatever was sent.',
  },
  'register-defaults': {
    source: rfc(7591, '2'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Members that are left out have the defaults of the specification; unknown members are ignored.',
    status: 'diverges',
  },
  'register-errors': {
    source: rfc(7591, '3.2.2'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Bad redirect URIs are invalid_redirect_uri, other bad metadata is invalid_client_metadata.',
    status: 'diverges',
  },
  'register-self-asserted': {
    source: rfc(7591, '5'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Everything a client says of itself is shown as claimed; its links are https, and its logo is not loaded.',
  },
  'register-limits': {
    source: rfc(7591, '5'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'Size, count and rate of registrations are limited, with 429 and Retry-After; a client in use is not removed.',
  },
  'register-application-type': {
    source: mcpRegistration('application-type-and-redirect-uri-constraints'),
    level: 'MUST',
    since: '2026-07-28',
    says: 'application_type is accepted, and never stands in the way of the redirect URIs.',
  },
  'client-id-not-a-url': {
    source: mcpRegistration('client-id-metadata-documents'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'Ids that this server makes cannot be taken for the address of a metadata document.',
  },
  'register-management-not-offered': {
    source: 'https://www.rfc-editor.org/rfc/rfc7592',
    level: 'MAY',
    since: 'OAuth',
    says: 'Without a registration management endpoint no registration_client_uri or access token for it is given out.',
    status: 'not offered',
  },

  // ---- Client ID Metadata Documents

  'cimd-url': {
    source: mcpRegistration('implementation-requirements'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'A client id that is an https address with a path is fetched; one with dot segments, fragment or credentials is refused.',
  },
  'cimd-document': {
    source: mcpRegistration('implementation-requirements'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'The document is JSON with the very address as client_id, a name and redirect URIs, answered 200.',
  },
  'cimd-no-redirects': {
    source: mcpRegistration('implementation-requirements'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'No redirect is followed for a document.',
  },
  'cimd-ssrf': {
    source: cimd('8.6'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'The address that is connected to is not of special use, whatever the name resolves to.',
  },
  'cimd-bounds': {
    source: mcpSecurity('client-id-metadata-document-security'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'Size, time and number of fetches are bounded.',
  },
  'cimd-cache': {
    source: mcpRegistration('implementation-requirements'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'Documents are cached as their headers say, within bounds; errors and invalid documents are not.',
  },
  'cimd-no-secrets': {
    source: mcpSecurity('client-id-metadata-document-security'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'A document with a shared secret, or a method that needs one, is refused.',
  },
  'cimd-private-key-jwt': {
    source: cimd('8.2'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'A document with keys makes the client confidential: it has to sign, unless it also offers none.',
  },
  'cimd-redirect-uri': {
    source: mcpRegistration('implementation-requirements'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'The redirect URI of a request is one of the document’s.',
  },
  'cimd-consent': {
    source: mcpSecurity('localhost-redirect-uri-risks'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'The consent page shows the host of the client and of the redirect URI, and warns where that is this machine.',
  },
  'cimd-changed': {
    source: mcpSecurity('client-id-metadata-document-security'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'Changed redirect URIs or keys are asked about again.',
  },

  // ---- Client assertions and extensions

  'private-key-jwt': {
    source: rfc(7523, '3'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'An assertion has the client as issuer and subject, this issuer as audience, is short-lived, used once, and signed by its key.',
    status: 'diverges',
  },
  'client-credentials-extension': {
    source: 'https://github.com/modelcontextprotocol/ext-auth',
    level: 'MUST',
    since: '2025-11-25',
    says: 'client_credentials honours resource and scope, and gives no refresh token.',
  },
  'id-jag': {
    source: 'https://github.com/modelcontextprotocol/ext-auth',
    level: 'MUST',
    since: '2025-11-25',
    says: 'Identity assertions of an enterprise’s provider are accepted as a grant.',
    status: 'not offered',
  },
  'token-exchange': {
    source: rfc(8693, '2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Tokens are exchanged for others.',
    status: 'not offered',
  },
  dpop: {
    source: rfc(9449, '5'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Tokens are bound to a key of the client.',
    status: 'not offered',
  },

  // ---- Protected resource

  prm: {
    source: rfc(9728, '3.1'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'Protected resource metadata is at the well-known address with the path behind it, and at the root, to everyone.',
  },
  'prm-resource': {
    source: rfc(9728, '3.3'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'resource is the address that clients use, without fragment and trailing slash.',
  },
  'prm-members': {
    source: rfc(9728, '2'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'authorization_servers has the issuer; scopes, bearer methods and name are there; nothing is empty.',
  },
  challenge: {
    source: rfc(6750, '3'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Without a token every method gets 401 with a challenge that has no error, before anything else is said.',
  },
  'challenge-resource-metadata': {
    source: rfc(9728, '5.1'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'resource_metadata is absolute, can be fetched, and is about the address that was asked for.',
  },
  'challenge-scope': {
    source: mcp('2026-07-28', 'authorization', 'scope-selection-strategy'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'The challenge says which scopes to ask for.',
  },
  'token-refused': {
    source: mcp('2026-07-28', 'authorization', 'token-handling'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'A bad, expired, revoked or foreign token is 401 invalid_token, a malformed header never more than 401, whatever is in it.',
  },
  'challenge-syntax': {
    source: rfc(9110, '11.6.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A challenge has each parameter once, as a quoted string without anything that a caller said.',
  },
  'token-in-header-only': {
    source: oauth21('5.1'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'The scheme has no case; a token in the query, in a body or in a cookie is not looked at.',
  },
  'token-audience': {
    source: mcpSecurity('access-token-privilege-restriction'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'A token of this issuer for another resource is refused.',
  },
  'insufficient-scope': {
    source: mcp('2026-07-28', 'authorization', 'runtime-insufficient-scope-errors'),
    level: 'SHOULD',
    since: '2025-11-25',
    says: 'Too little scope is 403 insufficient_scope with all scopes that the operation needs; broader scopes count.',
  },
  'token-every-request': {
    source: mcp('2026-07-28', 'authorization', 'token-requirements'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'Every request is authorized, also with a session id.',
  },
  'session-bound-to-person': {
    source: mcp('2025-11-25', 'security_best_practices', 'session-hijacking'),
    level: 'SHOULD',
    since: '2025-03-26',
    says: 'A session id works only for the person who got it.',
  },
  'origin-checked': {
    source: mcp('2026-07-28', 'transports/streamable-http'),
    level: 'MUST',
    since: '2025-11-25',
    says: 'An origin that is not allowed gets 403, before the MCP server hears of it.',
    status: 'diverges',
  },
  'host-checked': {
    source: mcp('2026-07-28', 'transports/streamable-http'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'A server on loopback refuses requests for another host.',
  },
  'streams-at-revocation': {
    source: mcp('2026-07-28', 'transports/streamable-http', 'receiving-messages'),
    level: 'practice',
    since: '2025-03-26',
    says: 'A revocation ends open streams; a token that merely expires does not.',
  },
  'resource-not-cached': {
    source: rfc(6750, '5.3'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'Answers of the resource are not stored, and vary by Authorization.',
  },

  // ---- One client of an identity provider: the confused deputy

  'consent-before-provider': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'No browser gets to the identity provider before its person approved the client on our page.',
  },
  'consent-page': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'The page names the client, its scopes and where the answer goes.',
  },
  'consent-per-client': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'An approval counts for its client, redirect URI and scopes, for this person’s browser, and for nothing else.',
  },
  'consent-cookies': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'Cookies are __Host-, Secure, HttpOnly and SameSite=Lax, and mean nothing without the server’s record.',
  },
  'upstream-state': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'The state for the provider is random, works once, for ten minutes, and exists only after the approval.',
  },
  'callback-bound-to-browser': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'The provider’s answer counts only in the browser that approved, once; otherwise no code is asked for.',
  },
  'consent-csrf': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'A form from another site, without the page’s token or with another’s, is refused; two tabs do not disturb each other.',
  },
  'consent-form-once': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'A form that was answered is refused when it is sent again.',
    status: 'diverges',
  },
  'consent-denied': {
    source: rfc(6749, '4.1.2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'No sends access_denied with state and iss to the client, and nobody to the provider.',
  },
  'redirect-uri-changed': {
    source: confusedDeputy,
    level: 'MUST',
    since: '2025-06-18',
    says: 'A redirect URI that the client no longer has gets no code.',
  },
  'provider-errors': {
    source: rfc(6749, '4.1.2.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'An error of the provider becomes an error for the client, with state and iss, in our words.',
  },
  'no-token-passthrough': {
    source: mcp('2025-11-25', 'security_best_practices', 'token-passthrough'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'A token of the identity provider is not accepted.',
  },
  'credentials-not-forwarded': {
    source: mcp('2026-07-28', 'authorization', 'token-handling'),
    level: 'MUST',
    since: '2025-06-18',
    says: 'The client’s token, cookies and proxy credentials do not reach the MCP server, nor its challenges and cookies the client.',
  },
  'identity-headers': {
    source: rfc(9700, '4.13'),
    level: 'MUST',
    since: 'OAuth',
    says: 'No client can send an identity header to the MCP server, however it is spelled.',
  },
  'provider-token-header': {
    source: oauth21('7.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'The provider’s token goes to the MCP server alone: it is never in a token, an answer or a log.',
  },
  'bound-to-provider': {
    source: mcp('2025-03-26', 'authorization'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'When the provider ends the person’s session the client has to sign in again; when it is away, nothing ends.',
  },
  'provider-client': {
    source: rfc(9700, '2.1.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'At the provider we are a careful client: PKCE, state, nonce, and every check of the ID token.',
  },
  'account-identity': {
    source: 'https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability',
    level: 'MUST',
    since: 'OAuth',
    says: 'A person is the provider’s issuer and subject, not an e-mail address.',
  },
  'provider-bounds': {
    source: rfc(9700, '2.6'),
    level: 'practice',
    since: 'OAuth',
    says: 'What the provider sends is bounded in time and size.',
  },

  // ---- An intermediary’s duties

  'headers-forwarded': {
    source: mcp('2026-07-28', 'transports/streamable-http', 'request-metadata'),
    level: 'MUST',
    since: '2026-07-28',
    says: 'MCP’s and unknown headers pass both ways as they came, and so do the bytes of an event stream.',
  },
  'header-body-mismatch': {
    source: mcp('2026-07-28', 'transports/streamable-http', 'request-metadata'),
    level: 'MUST',
    since: '2026-07-28',
    says: 'Where a body is looked at, headers that say something else are refused.',
  },
  cancellation: {
    source: mcp('2026-07-28', 'transports/streamable-http', 'cancellation'),
    level: 'MUST',
    since: '2026-07-28',
    says: 'A client that goes away ends the request at the MCP server.',
  },
  'streams-unbuffered': {
    source: mcp('2026-07-28', 'transports/streamable-http', 'receiving-messages'),
    level: 'SHOULD',
    since: '2025-03-26',
    says: 'Event streams pass at once, uncompressed, with X-Accel-Buffering: no.',
  },
  'status-codes-kept': {
    source: mcp('2026-07-28', 'transports/streamable-http', 'backward-compatibility'),
    level: 'practice',
    since: '2025-03-26',
    says: 'The MCP server’s status codes and bodies pass as they are; trouble of ours is 502, 503 or 504.',
  },
  'legacy-transport': {
    source: mcp('2025-11-25', 'transports'),
    level: 'MUST',
    since: '2025-03-26',
    says: 'GET, DELETE and batches reach the MCP server, with a token.',
  },
  'forwarded-origin': {
    source: rfc(9700, '4.13'),
    level: 'practice',
    since: 'OAuth',
    says: 'The MCP server hears its own host and our public one, no matter what the client claims, and one message is one message.',
  },
  'cors-resource': {
    source: 'https://fetch.spec.whatwg.org/#http-cors-protocol',
    level: 'practice',
    since: 'OAuth',
    says: 'Scripts may send what MCP needs and read challenge, session id, version and Retry-After, on errors too.',
  },

  // ---- General

  'https-only': {
    source: oauth21('1.5'),
    level: 'MUST',
    since: 'OAuth',
    says: 'A public address is https, or the server does not start; browsers are told to stay there.',
  },
  guessing: {
    source: rfc(6749, '10.10'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Secrets have at least 128 bits, and endpoints are rate-limited by an address that the caller cannot choose.',
  },
  'nothing-secret-logged': {
    source: oauth21('7.1'),
    level: 'MUST',
    since: 'OAuth',
    says: 'No token, code, secret, cookie or query string is logged.',
  },
  'secrets-at-rest': {
    source: rfc(6819, '5.1.4.1.3'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Codes, refresh tokens and client secrets are stored as hashes, the provider’s tokens sealed.',
  },
  'errors-echo-nothing': {
    source: oauth21('7.11'),
    level: 'MUST',
    since: 'OAuth',
    says: 'Nothing of a request is repeated in an error or a challenge.',
  },
  'clock-skew': {
    source: rfc(7519, '4.1.4'),
    level: 'SHOULD',
    since: 'OAuth',
    says: 'Clocks may differ by no more than a minute.',
  },
} as const satisfies Readonly<Record<string, Requirement>>;

export type RequirementId = keyof typeof requirements;
