/** A round of maintenance, as another instance of the same server would run it. */
import { pino } from 'pino';
import { Sealer } from '../../src/crypto/sealing.ts';
import { Counts } from '../../src/flows/counts.ts';
import { ConnectionUse } from '../../src/flows/connection-use.ts';
import { KeyRing } from '../../src/flows/key-ring.ts';
import { maintain } from '../../src/flows/maintain.ts';
import { createIdentityProviders } from '../../src/identity/identity-providers.ts';
import type { TestApp } from './app.ts';

export async function runMaintenance(
  { db, clock, config }: Pick<TestApp, 'db' | 'clock' | 'config'>,
  log = pino({ level: 'silent' }),
): Promise<void> {
  const sealer = new Sealer(config.encryptionKeys ?? []);
  const keyRing = new KeyRing({ db, sealer, clock, alg: config.signingAlg });
  const identityProviders = createIdentityProviders(config.providers, { clock });
  const connectionUse = new ConnectionUse({ db, clock, config, counts: new Counts() });
  await maintain({ db, clock, config, sealer, keyRing, identityProviders, connectionUse, log });
}
