/** Keeps the number of sign-ins under way within bounds, at little cost for each. */
import type { Database } from '../repositories/database.ts';
import { evictPendingSignIns, maxPendingSignIns } from '../repositories/pending-sign-ins.ts';
import type { Services } from './services.ts';

/** Counting many rows takes a while, so only every so many times it is done: the bound is passed by that at most. */
const lookEvery = 50;

/** How many were begun in this process since the last look. */
const begun = new WeakMap<Database, number>();

/** To be called when a sign-in has begun. */
export async function makeRoomForSignIns({ db }: Pick<Services, 'db'>): Promise<void> {
  const count = (begun.get(db) ?? 0) + 1;
  begun.set(db, count % lookEvery);
  if (count === lookEvery) await evictPendingSignIns(db, maxPendingSignIns);
}
