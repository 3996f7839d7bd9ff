/** What has to be done from time to time: keys rotated, values resealed, expired rows removed, providers told, uses stored. */
import { pruneAuditRows } from '../repositories/audit-events.ts';
import { evictPendingSignIns, maxPendingSignIns } from '../repositories/pending-sign-ins.ts';
import { sweepExpired } from '../repositories/sweep.ts';
import { later } from './lifetimes.ts';
import { resealValues } from './reseal-values.ts';
import { revokeEndedSignIns } from './revoke-ended-sign-ins.ts';
import type { Services } from './services.ts';

type MaintainServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'sealer' | 'keyRing' | 'identityProviders' | 'connectionUse' | 'log'
>;

const intervalMs = 60_000;

/** One round. Each part is safe to run on several instances at once; one that fails does not stop the others. */
export async function maintain(services: MaintainServices, signal?: AbortSignal): Promise<void> {
  const parts = {
    'use of connections': async () => services.connectionUse.store(),
    'signing keys': async () => services.keyRing.refresh(),
    'sealed values': async () => resealValues(services),
    'expired rows': async () => sweepExpired(services.db, services.clock()),
    'sign-ins under way': async () => evictPendingSignIns(services.db, maxPendingSignIns),
    'old audit rows': async () => pruneAudit(services),
    'ended sign-ins': async () => revokeEndedSignIns(services, signal),
  };
  for (const [part, work] of Object.entries(parts)) {
    try {
      await work();
    } catch (error) {
      services.log.warn({ err: error, part }, 'maintenance failed; it is tried again in a minute');
    }
  }
}

async function pruneAudit({ db, clock, config }: MaintainServices): Promise<void> {
  if (config.auditRetentionDays === undefined) return;
  await pruneAuditRows(db, later(clock(), -config.auditRetentionDays * 86_400_000));
}

/** Starts rounds every minute, a random moment apart from other instances. Returns what stops them. */
export function startMaintenance(services: MaintainServices): () => Promise<void> {
  let round: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const stopping = new AbortController();
  const schedule = (): void => {
    timer = setTimeout(
      () => {
        round = maintain(services, stopping.signal).then(schedule);
      },
      intervalMs * (0.75 + Math.random() / 2),
    ).unref();
  };
  schedule();
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await round;
    clearTimeout(timer);
  };
}
