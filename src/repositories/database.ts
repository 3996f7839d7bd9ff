/** The one interface to PostgreSQL: the server over `pg`, or the embedded one (PGlite). */

/** SQL text with `$1…` placeholders and their values. Made by {@link sql}. */
export interface SqlQuery {
  readonly text: string;
  readonly values: readonly unknown[];
  /** After which no answer counts as none, and the connection as lost. Over the network only; as long as usual unless given. */
  readonly timeoutMs?: number;
  /** Made by {@link frequent}. */
  readonly isFrequent?: boolean;
}

export interface QueryResult {
  readonly rows: readonly unknown[];
  /** Rows returned, or affected when the statement returns none. */
  readonly rowCount: number;
}

export interface Queryable {
  /** @throws DatabaseUnavailableError when the database cannot be reached or does not answer in time. */
  query(query: SqlQuery): Promise<QueryResult>;
}

/** A {@link Queryable} inside a transaction. */
export interface Transaction extends Queryable {
  /** Runs SQL text of several statements without parameters: migrations only. */
  script(text: string): Promise<void>;
}

export interface Database extends Queryable {
  readonly kind: 'postgres' | 'embedded';
  /** How its connections are used, where it has several. */
  readonly pool?: () => { readonly total: number; readonly idle: number; readonly waiting: number };
  /**
   * For what must not wait behind requests: a flood of them must not make this instance blind for revocations, nor look
   * dead. It has a few connections of its own, where there are several, and is never refused for want of room.
   */
  readonly urgent?: Queryable | undefined;
  /** Runs `work` in one transaction: commits and returns what it returns, rolls back when it throws. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Follows NOTIFY on a channel, reconnecting by itself. `onNotify` is also called after each
   * (re)connection, since notifications may have been missed. Never throws for a database that is
   * away: it keeps trying. Returns a function that stops it.
   */
  listen(channel: string, onNotify: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The database is away or too slow: the caller answers 503, and nothing is lost. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/** Put together once for each place in the code that has such a template. */
const texts = new WeakMap<TemplateStringsArray, string>();

/** Builds a parameterised query: each `${value}` becomes a placeholder, never text. */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlQuery {
  let text = texts.get(strings);
  if (text === undefined) {
    text = strings.reduce((whole, part, index) => `${whole}$${index}${part}`);
    texts.set(strings, text);
  }
  return { text, values };
}

/**
 * For a statement that is asked all the time: outside of transactions, a PostgreSQL server parses and plans it once for
 * each connection instead of every time.
 */
export function frequent(query: SqlQuery): SqlQuery {
  return { ...query, isFrequent: true };
}
