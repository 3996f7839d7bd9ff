/** The open requests of a process: whom a revocation ends, and that nothing is kept of what is over (design §3.4). */
import { describe, expect, test } from 'vitest';
import { type OpenRequest, OpenRequests } from '../../src/flows/open-requests.ts';
import { VerifiedTokens } from '../../src/flows/verified-tokens.ts';
import { BearerError, TemporarilyUnavailableError } from '../../src/protocol/errors.ts';
import { alice } from '../proxy/support.ts';

function start() {
  const verifiedTokens = new VerifiedTokens();
  const requests = new OpenRequests(verifiedTokens);
  const ended: string[] = [];
  const errors: Error[] = [];
  const create = (name: string, caller: Partial<OpenRequest['principal']> = {}): OpenRequest => ({
    principal: { ...alice, jti: name, grantId: `grant of ${name}`, ...caller },
    isStream: name.startsWith('stream'),
    end: (why) => {
      ended.push(name);
      errors.push(why);
    },
  });
  const open = (...all: Parameters<typeof create>): OpenRequest => {
    const request = create(...all);
    requests.add(request);
    return request;
  };
  /** As the feed tells both. */
  const revoke = (kind: 'access_token' | 'grant' | 'client', subject: string): void => {
    verifiedTokens.revoke({ kind, subject });
    requests.revoke({ kind, subject });
  };
  return { requests, verifiedTokens, ended, errors, create, open, revoke };
}

/** What is revoked in one turn is looked for at its end. */
const turn = async () => Promise.resolve();

describe('a revocation ends what it is about, and nothing else', () => {
  test.each([
    ['access_token', 'b', ['b']],
    ['grant', 'shared', ['a', 'b']],
    ['client', 'x', ['a', 'c']],
    ['grant', 'b', []],
    ['client', 'shared', []],
  ] as const)('%s %s', async (kind, subject, expected) => {
    const { requests, ended, errors, open, revoke } = start();
    open('a', { grantId: 'shared', clientId: 'x' });
    open('b', { grantId: 'shared', clientId: 'y' });
    open('c', { grantId: 'other', clientId: 'x' });

    revoke(kind, subject);
    await turn();

    expect(ended).toEqual(expected);
    expect(requests.count).toBe(3 - expected.length);
    for (const error of errors) expect(error).toBeInstanceOf(BearerError);
  });

  test('several at once, each request once', async () => {
    const { ended, open, revoke } = start();
    open('a');
    open('b');
    open('c');

    revoke('grant', 'grant of a');
    revoke('access_token', 'a');
    revoke('grant', 'grant of c');
    await turn();

    expect(ended).toEqual(['a', 'c']);
  });
});

test('one that is over is not ended, and is not kept', async () => {
  const { requests, ended, open, revoke } = start();
  requests.remove(open('a'));

  revoke('access_token', 'a');
  await turn();

  expect([requests.count, ended]).toEqual([0, []]);
});

test('one that was let through before the revocation, and arrives after it, is refused', () => {
  const { requests, verifiedTokens, create, revoke } = start();
  const late = create('a', { revocationsHeard: verifiedTokens.position });
  revoke('grant', 'grant of someone else');
  revoke('grant', 'grant of a');

  expect(() => requests.add(late)).toThrow(BearerError);
  expect(requests.count).toBe(0);
});

test('one that was let through after the revocation is welcome: it was looked up since', () => {
  const { requests, verifiedTokens, create, revoke } = start();
  revoke('client', alice.clientId);

  requests.add(create('a', { revocationsHeard: verifiedTokens.position }));

  expect(requests.count).toBe(1);
});

test('where more was revoked in the meantime than is remembered, nobody is let through on a guess, nor sent away for good', () => {
  const { requests, verifiedTokens, create, revoke } = start();
  const late = create('a', { revocationsHeard: verifiedTokens.position });
  for (let count = 0; count <= 10_000; count += 1) revoke('grant', `other ${count}`);

  expect(() => requests.add(late)).toThrow(TemporarilyUnavailableError);
});

test('who was let through by a database that is another one now has to ask again', () => {
  const { requests, verifiedTokens, create } = start();
  const late = create('a', { revocationsHeard: verifiedTokens.position });
  verifiedTokens.clear();

  expect(() => requests.add(late)).toThrow(TemporarilyUnavailableError);
  requests.add(create('a', { revocationsHeard: verifiedTokens.position }));
  expect(requests.count).toBe(1);
});

test('when nobody can tell what was revoked, all end, as an outage of ours', () => {
  const { requests, ended, errors, open } = start();
  open('a');
  open('b');

  requests.endAll();

  expect([requests.count, ended]).toEqual([0, ['a', 'b']]);
  for (const error of errors) expect(error).toBeInstanceOf(TemporarilyUnavailableError);
});

test('event streams are counted among them', () => {
  const { requests, open } = start();
  open('stream 1');
  open('stream 2');
  open('call');

  expect([requests.count, requests.streamCount]).toEqual([3, 2]);
});
