/** How much of everything there may be at once, where operators differ. Every limit is in docs/limits.md. */

export interface LimitsConfig {
  /** Connections to PostgreSQL that requests share, in each process. */
  readonly databaseMaxConnections: number;
}

export function readLimits(values: { readonly DATABASE_MAX_CONNECTIONS?: number | undefined }): LimitsConfig {
  return { databaseMaxConnections: values.DATABASE_MAX_CONNECTIONS ?? 10 };
}
