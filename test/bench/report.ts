/** What a benchmark is, and what it says in the end. */

export interface Bench {
  /** As on the command line. */
  readonly name: string;
  /** One sentence: what is measured. */
  readonly about: string;
  /** Whether it takes so long that it only runs when it is named. */
  readonly isOnlyByName?: boolean;
  run(options: BenchOptions): Promise<BenchReport>;
}

export interface BenchOptions {
  /** Fewer and shorter rounds, whose numbers are only good for a look. */
  readonly isQuick: boolean;
  /** Path of the Node program that runs what is measured. */
  readonly node: string;
  /** Names of what to measure, for benchmarks that compare several. Undefined: everything. */
  readonly only?: readonly string[] | undefined;
  /** How often each is measured. Undefined: as the benchmark thinks best. */
  readonly rounds?: number | undefined;
  /** How long it lasts, for benchmarks that only watch. Undefined: as the benchmark thinks best. */
  readonly seconds?: number | undefined;
  /** A folder for CPU profiles of the proxy. Undefined: none are made. */
  readonly profileFolder?: string | undefined;
  /** Tells how far it is. */
  say(line: string): void;
}

export interface BenchReport {
  readonly tables: readonly BenchTable[];
  readonly goals: readonly Goal[];
  /** Whatever a reader of the numbers should know, a sentence or two each. */
  readonly notes: readonly string[];
}

export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Goal {
  readonly goal: string;
  readonly wanted: string;
  readonly reached: string;
  readonly isReached: boolean;
}
