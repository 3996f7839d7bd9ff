/** How much of everything there may be at once, where operators differ. Every limit is in docs/limits.md. */

export interface LimitsConfig {
  /** Connections to PostgreSQL that requests share, in each process. */
  readonly databaseMaxConnections: number;
  /** Connections of clients, in each process. */
  readonly maxConnections: number;
  /** How long a client may be silent when it is its turn, and an unknown one may take for a request. */
  readonly clientTimeoutSeconds: number;
}

export function readLimits(values: {
  readonly DATABASE_MAX_CONNECTIONS?: number | undefined;
  readonly MAX_CONNECTIONS?: number | undefined;
  readonly CLIENT_TIMEOUT_SECONDS?: number | undefined;
}): LimitsConfig {
  return {
    databaseMaxConnections: values.DATABASE_MAX_CONNECTIONS ?? 10,
    maxConnections: values.MAX_CONNECTIONS ?? 16_384,
    clientTimeoutSeconds: values.CLIENT_TIMEOUT_SECONDS ?? 60,
  };
}
