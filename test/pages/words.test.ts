import { describe, expect, test } from 'vitest';
import { languages } from '../../src/pages/texts/languages.ts';
import { describeError, nameOfFact, scopeInWords } from '../../src/pages/words.ts';

const [{ texts: en }] = languages;

describe('scopes in words', () => {
  test.each([
    ['openid', 'Know who you are'],
    ['offline_access', 'Stay connected when you are away'],
    ['files:read', undefined],
    ['constructor', undefined],
  ])('%s is %j', (scope, words) => {
    expect(scopeInWords(en, { scope, operatorWords: undefined })).toBe(words);
  });

  test('the operator’s words go before ours', () => {
    expect(scopeInWords(en, { scope: 'email', operatorWords: 'Read it' })).toBe('Read it');
  });
});

describe('facts by their name', () => {
  test.each([
    ['account', 'Your account'],
    ['something_new', 'something_new'],
    ['constructor', 'constructor'],
  ])('%s is %j', (name, words) => {
    expect(nameOfFact(en, name)).toBe(words);
  });
});

test('every error that a page can show has words', () => {
  expect(Object.keys(en.errors)).toEqual(
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

describe.each(languages.map((language) => [language.tag, language.texts] as const))(
  'errors in words, in %s',
  (_, texts) => {
    const codes = Object.keys(texts.errors);

    test.each(codes)('%s says what happened and what to do, and no jargon', (code) => {
      const { title, message, nextStep } = describeError(texts, code);

      expect(title).toMatch(/^\p{Lu}.*[^.]$/u);
      expect(message).toMatch(/^\p{Lu}.*\.$/u);
      expect(nextStep).toMatch(/^\p{Lu}.*\.$/u);
      expect(`${title} ${message} ${nextStep}`).not.toMatch(/OAuth|redirect|[Cc]lient|[Tt]oken|URI|_/);
    });

    test('no two errors have the same title', () => {
      expect(new Set(codes.map((code) => describeError(texts, code).title)).size).toBe(codes.length);
    });

    test.each(['something_new', 'toString', '__proto__', ''])(
      '%j has the words of a server error',
      (code) => {
        expect(describeError(texts, code)).toBe(describeError(texts, 'server_error'));
      },
    );
  },
);
