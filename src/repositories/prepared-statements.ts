/** Names under which a PostgreSQL connection keeps a statement parsed and planned. */
import { createHash } from 'node:crypto';
import type { SqlQuery } from './database.ts';

export class PreparedStatements {
  readonly #names = new Map<string, string>();
  #areKept = true;

  /**
   * Asks by name when the statement is a frequent one. A pooler in transaction mode may give the next statement to another
   * connection, which does not know the name: it is then asked once more without, and so is everything from now on.
   * Nothing is done twice, for a name is looked up before anything else.
   */
  async run<T>(query: SqlQuery, ask: (name?: string) => Promise<T>): Promise<T> {
    if (query.isFrequent !== true || !this.#areKept) return ask();
    try {
      return await ask(this.#nameOf(query));
    } catch (error) {
      if (!isAboutName(error)) throw error;
      this.#areKept = false;
    }
    return ask();
  }

  /** By its text, so that no two statements ever share a name, also where two versions of the program share a pooler. */
  #nameOf({ text }: SqlQuery): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `mop_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#names.set(text, name);
    return name;
  }
}

/**
 * There is no such name, there is one already, or its columns have changed under it.
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
function isAboutName(error: unknown): boolean {
  const { code, message } = Object(error) as Readonly<Record<string, unknown>>;
  return (
    code === '26000' ||
    code === '42P05' ||
    (code === '0A000' && String(message).includes('cached plan must not change result type'))
  );
}
