/** Every code that a refusal can have: few, so that they can be counted by it. */
const refusalCodes = [
  // RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8707 §2, OpenID Connect Core §3.1.2.6.
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_client_metadata',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  // RFC 6750 §3.1.
  'insufficient_scope',
  'invalid_token',
  // Ours, on pages.
  'account_form',
  'account_no_connection',
  'account_over',
  'account_refused',
  'account_signed_out',
  'client_document_unavailable',
  'client_not_allowed',
  'expired_request',
  'forbidden_origin',
  'invalid_client_document',
  'not_admitted',
  'provider_unavailable',
  'already_approved',
  'already_answered',
  'wrong_browser',
] as const;

export type RefusalCode = (typeof refusalCodes)[number] | 'other';

const known: ReadonlySet<string> = new Set(refusalCodes);

export function asRefusalCode(code: string): RefusalCode {
  return known.has(code) ? (code as RefusalCode) : 'other';
}
