/** What doctor finds, and what it says about it. */
import { plainText } from '../pages/claimed.ts';
import { insideCatalogue } from './catalogue-inside.ts';
import { outsideCatalogue } from './catalogue-outside.ts';

export const areas = [
  'configuration',
  'database',
  'keys',
  'provider',
  'mcp-server',
  'address',
  'front',
  'streams',
] as const;
export type Area = (typeof areas)[number];

export interface CatalogueEntry {
  readonly area: Area;
  /** `error`: somebody cannot connect, or should not be able to. `warning`: it will hurt some, or some day. */
  readonly severity: 'error' | 'warning';
  readonly what: string;
  /** Which client, or who else. */
  readonly hurts: string;
  readonly fix: string;
}

/** All findings by their id, which never changes: scripts compare it. docs/doctor.md lists them. */
export const catalogue = { ...insideCatalogue, ...outsideCatalogue };
export type FindingId = keyof typeof catalogue;

export interface Finding extends CatalogueEntry {
  readonly id: FindingId;
  /** What was seen, one line each. */
  readonly details: readonly string[];
}

interface Remark {
  readonly area: Area;
  readonly text: string;
}

/** Collects what the checks say. Several details of one id are one finding. */
export class Report {
  readonly #findings = new Map<FindingId, string[]>();
  readonly #passed: Remark[] = [];
  readonly #unknown: Remark[] = [];

  found(id: FindingId, detail: string): void {
    const details = this.#findings.get(id) ?? [];
    this.#findings.set(id, details);
    const line = readable(detail);
    if (!details.includes(line)) details.push(line);
  }

  passed(area: Area, text: string): void {
    this.#passed.push({ area, text: readable(text) });
  }

  /** What could not be checked, and why: it is no finding. */
  unknown(area: Area, text: string): void {
    this.#unknown.push({ area, text: readable(text) });
  }

  has(...ids: readonly FindingId[]): boolean {
    return ids.some((id) => this.#findings.has(id));
  }

  /** In the order of the catalogue. */
  get findings(): readonly Finding[] {
    return (Object.keys(catalogue) as FindingId[]).flatMap((id) => {
      const details = this.#findings.get(id);
      return details === undefined ? [] : [{ id, ...catalogue[id], details }];
    });
  }

  get passes(): readonly Remark[] {
    return this.#passed;
  }

  get unknowns(): readonly Remark[] {
    return this.#unknown;
  }
}

/** Text from anywhere as one line that a terminal shows and does not obey. */
export function readable(text: string): string {
  return plainText(text.slice(0, 4096).toWellFormed(), 300);
}
