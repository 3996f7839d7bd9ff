/** A process that writes to the embedded database without end, and prints each number that was acknowledged. */
import { sql } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';

const [dataDir = '', from = '1'] = process.argv.slice(2);
const db = await openEmbeddedDatabase(dataDir, { onError: console.error });
await db.query(sql`create table if not exists writes (number integer primary key, padding text)`);

for (let number = Number(from); ; number += 1) {
  const padding = 'x'.repeat(number % 3000);
  await db.transaction(async (tx) => {
    await tx.query(sql`insert into writes (number, padding) values (${number}, ${padding})`);
    await tx.query(sql`update writes set padding = 'seen' where number = ${number - 10}`);
  });
  console.log(number);
}
