/** The memory of verified tokens: what it keeps, and what makes it forget (design §3.4). */
import { expect, test } from 'vitest';
import { type VerifiedToken, VerifiedTokens } from '../../src/flows/verified-tokens.ts';

function verified(jti: string, grantId = `grant of ${jti}`, clientId = 'client'): VerifiedToken {
  return {
    principal: {
      jti,
      grantId,
      clientId,
      subject: 'ada',
      email: undefined,
      name: undefined,
      scopes: [],
      resource: 'https://mcp.example.com/mcp',
      expiresAt: new Date('2040-01-01T00:00:00Z'),
    },
    upstream: {
      sessionId: 's',
      hasRefreshToken: false,
      accessToken: 'upstream',
      expiresAt: undefined,
      refreshedAt: new Date(0),
    },
    groups: undefined,
    assertion: undefined,
    caller: undefined,
  };
}

/** Adds tokens named after their `jti`. */
function remember(tokens: VerifiedTokens, ...all: readonly VerifiedToken[]): void {
  for (const token of all) tokens.add(token.principal.jti, token, tokens.position);
}

const kept = (tokens: VerifiedTokens, ...jtis: readonly string[]) =>
  jtis.filter((jti) => tokens.find(jti) !== undefined);

test('a token is found again until it is removed', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a'), verified('b'));

  tokens.remove('a');

  expect(kept(tokens, 'a', 'b', 'c')).toEqual(['b']);
});

test('a revoked access token goes alone, though others share its grant (RFC 7009 §2.1)', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a', 'g'), verified('b', 'g'));

  tokens.revoke({ kind: 'access_token', subject: 'a' });

  expect(kept(tokens, 'a', 'b')).toEqual(['b']);
});

test('a revoked grant takes all its tokens, and no other’s (RFC 7009 §2.1)', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a', 'g'), verified('b', 'g'), verified('c', 'h'));

  tokens.revoke({ kind: 'grant', subject: 'g' });

  expect(kept(tokens, 'a', 'b', 'c')).toEqual(['c']);
});

test('a deleted client takes the tokens of all its grants', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a', 'g', 'x'), verified('b', 'h', 'x'), verified('c', 'i', 'y'));

  tokens.revoke({ kind: 'client', subject: 'x' });

  expect(kept(tokens, 'a', 'b', 'c')).toEqual(['c']);
});

test.each([
  { kind: 'access_token', subject: 'a' },
  { kind: 'grant', subject: 'g' },
  { kind: 'client', subject: 'x' },
] as const)(
  'a token that was looked up before its $kind was revoked is not kept: the look-up may have been too early',
  (revocation) => {
    const tokens = new VerifiedTokens();
    const position = tokens.position;
    tokens.revoke({ kind: 'grant', subject: 'of someone else' });
    tokens.revoke(revocation);

    const isKept = tokens.add('a', verified('a', 'g', 'x'), position);

    expect(isKept).toBe(false);
    expect(kept(tokens, 'a')).toEqual([]);
  },
);

test('a revocation of something else does not keep a token out', () => {
  const tokens = new VerifiedTokens();
  const position = tokens.position;
  tokens.revoke({ kind: 'grant', subject: 'of someone else' });

  expect(tokens.add('a', verified('a'), position)).toBe(true);
});

test('a look-up that began after the revocation counts: the database has answered for it', () => {
  const tokens = new VerifiedTokens();
  tokens.revoke({ kind: 'client', subject: 'client' });

  expect(tokens.add('a', verified('a'), tokens.position)).toBe(true);
});

test('when more was revoked during a look-up than is remembered, the token is not kept', () => {
  const tokens = new VerifiedTokens();
  const position = tokens.position;
  for (let count = 0; count <= 10_000; count += 1) {
    tokens.revoke({ kind: 'grant', subject: `other ${count}` });
  }

  expect(tokens.add('a', verified('a'), position)).toBe(false);
  expect(tokens.add('a', verified('a'), tokens.position)).toBe(true);
});

test('all can be forgotten at once, and what is being looked up then is not kept', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a', 'g'), verified('b', 'h'));
  const position = tokens.position;

  tokens.clear();

  expect(kept(tokens, 'a', 'b')).toEqual([]);
  expect(tokens.add('a', verified('a', 'g'), position)).toBe(false);
  expect(tokens.add('a', verified('a', 'g'), tokens.position)).toBe(true);
});

test('memory is bounded: the token that was not used for longest goes first', () => {
  const tokens = new VerifiedTokens(3);
  remember(tokens, verified('a'), verified('b'), verified('c'));
  tokens.find('a');

  remember(tokens, verified('d'));

  expect(kept(tokens, 'a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd']);
});

test('a token that was verified anew is revoked like at first', () => {
  const tokens = new VerifiedTokens();
  remember(tokens, verified('a', 'g'), verified('a', 'g'));

  tokens.revoke({ kind: 'grant', subject: 'g' });

  expect(kept(tokens, 'a')).toEqual([]);
});
