/** Grants whose client was just told to ask for more scopes. */
import { type Queryable, sql } from './database.ts';

/** A client that calls again and again writes once in this time. */
const repeatMs = 5000;

export async function markStepUp(db: Queryable, grantId: string, now: Date): Promise<void> {
  await db.query(sql`
    update grants
    set step_up_asked_at = ${now}
    where grant_id = ${grantId}
      and (step_up_asked_at is null or step_up_asked_at < ${new Date(now.getTime() - repeatMs)})`);
}

/** Whether it was told after `since`; of many callers one gets true, and then nobody. */
export async function takeStepUp(db: Queryable, grantId: string, since: Date): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update grants
    set step_up_asked_at = null
    where grant_id = ${grantId} and step_up_asked_at > ${since}`);
  return rowCount === 1;
}
