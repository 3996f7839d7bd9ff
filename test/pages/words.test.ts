import { describe, expect, test } from 'vitest';
import { describeError, describeScope, errorCodes } from '../../src/pages/words.ts';

describe('scopes in words', () => {
  test.each([
    ['openid', 'Know who you are'],
    ['offline_access', 'Stay connected when you are away'],
    ['files:read', 'files:read'],
    ['constructor', 'constructor'],
  ])('%s is %j', (scope, words) => {
    expect(describeScope(scope)).toEqual({ scope, words });
  });
});

describe('errors in words', () => {
  test('every error that a page can show has words', () => {
    expect(errorCodes).toEqual(
      expect.arrayContaining([
        'invalid_client',
        'invalid_redirect_uri',
        'invalid_request',
        'unsupported_response_type',
        'invalid_scope',
        'invalid_target',
        'access_denied',
        'expired_request',
        'wrong_browser',
        'provider_unavailable',
        'temporarily_unavailable',
        'server_error',
        'rate_limited',
        'not_found',
        'forbidden_origin',
        'not_admitted',
      ]),
    );
  });

  test.each(errorCodes)('%s says what happened and what to do, and no jargon', (code) => {
    const { title, message, nextStep } = describeError(code);

    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(nextStep).toMatch(/^[A-Z].*\.$/);
    expect(`${title} ${message} ${nextStep}`).not.toMatch(/OAuth|redirect|client|token|URI|_/);
  });

  test('no two errors have the same title', () => {
    expect(new Set(errorCodes.map((code) => describeError(code).title)).size).toBe(errorCodes.length);
  });

  test.each(['something_new', 'toString', '__proto__', ''])('%j has the words of a server error', (code) => {
    expect(describeError(code)).toBe(describeError('server_error'));
  });
});
