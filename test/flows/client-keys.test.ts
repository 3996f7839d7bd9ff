/** Keys of clients are kept for so many addresses, and no more (design: bounded everything). */
import { generateKeyPairSync } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ClientKeys } from '../../src/flows/client-keys.ts';
import { createClock } from '../support/clock.ts';

test('keys behind 500 addresses are kept; of more, those that were used longest ago are read again', async () => {
  const asked: string[] = [];
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const json = { keys: [publicKey.export({ format: 'jwk' })] };
  const headers = {
    etag: undefined,
    lastModified: undefined,
    cacheControl: 'max-age=3600',
    expires: undefined,
    date: undefined,
    age: undefined,
  };
  const keys = new ClientKeys({
    fetch: async ({ href }) => {
      asked.push(href);
      return { outcome: 'fetched', json, headers };
    },
    clock: createClock(),
    log: pino({ level: 'silent' }),
  });
  const find = async (number: number) =>
    keys.find({ jwks: undefined, jwksUri: `https://client-${number}.example/jwks` });

  for (let number = 0; number <= 500; number += 1) await find(number);
  expect(asked).toHaveLength(501);

  await find(500);
  expect(asked).toHaveLength(501);
  await find(0);
  expect(asked.slice(501)).toEqual(['https://client-0.example/jwks']);
});
