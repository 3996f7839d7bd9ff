/** What is said of the token endpoint in the end. */
import type { BenchReport, Goal } from './report.ts';
import type { FlowRate } from './token-flows.ts';

export type Rate = Omit<FlowRate, 'way'>;

export interface Measured {
  readonly database: string;
  readonly http: Rate;
  readonly statement: Rate;
  readonly transaction: Rate;
}

export function reportRates(
  onPostgres: Measured,
  embedded: Measured,
  { syncs, callers }: { readonly syncs: readonly number[]; readonly callers: number },
): BenchReport {
  const syncRate = syncs.reduce((sum, rate) => sum + rate, 0) / syncs.length;
  const rowsOf = ({ database, http, statement, transaction }: Measured) =>
    [
      ['over HTTP', http] as const,
      ['flow alone, one statement that writes', statement] as const,
      ['flow alone, transaction of several statements', transaction] as const,
    ].map(([how, rate]) => [
      database,
      how,
      rate.exchanges.toFixed(0),
      rate.cpuOfExchange.toFixed(0),
      rate.refreshes.toFixed(0),
      rate.cpuOfRefresh.toFixed(0),
    ]);
  const ratio = (what: string, reached: number, wanted: number): Goal => ({
    goal: what,
    wanted: `≥ ${wanted}`,
    reached: reached.toFixed(2),
    isReached: reached >= wanted,
  });
  const { http, statement, transaction } = onPostgres;
  return {
    tables: [
      {
        title: 'Token endpoint, ES256, one core',
        columns: ['database', 'how', 'exchanges/s', 'CPU µs each', 'refreshes/s', 'CPU µs each'],
        rows: [...rowsOf(onPostgres), ...rowsOf(embedded)],
      },
    ],
    goals: [
      ratio('Exchange: one statement ÷ transaction', statement.exchanges / transaction.exchanges, 1.9),
      ratio('Refresh: one statement ÷ transaction', statement.refreshes / transaction.refreshes, 1.9),
      ratio('Exchange over HTTP ÷ fdatasync', http.exchanges / syncRate, 0.6),
      ratio('Refresh over HTTP ÷ fdatasync', http.refreshes / syncRate, 0.6),
    ],
    notes: [
      `This disk takes ${syncs.map((rate) => rate.toFixed(0)).join(' and ')} fdatasync a second, measured before and after. PostgreSQL runs with fsync; the embedded database has none.`,
      `${callers} callers. The proxy has one core; PostgreSQL and the callers share the other.`,
    ],
  };
}
