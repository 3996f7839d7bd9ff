/** Reports as Markdown, which also reads well in a terminal. */
import type { BenchReport, BenchTable, Goal } from './report.ts';

/** Tables, goals beside what was reached, notes. */
export function formatReport({ tables, goals, notes }: BenchReport): string {
  const parts = tables.map(formatTable);
  if (goals.length > 0) parts.push(formatTable(tableOfGoals(goals)));
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  return parts.join('\n\n');
}

function tableOfGoals(goals: readonly Goal[]): BenchTable {
  return {
    title: 'Goals',
    columns: ['Goal', 'Wanted', 'Reached', ''],
    rows: goals.map(({ goal, wanted, reached, isReached }) => [
      goal,
      wanted,
      reached,
      isReached ? 'yes' : '**no**',
    ]),
  };
}

function formatTable({ title, columns, rows }: BenchTable): string {
  const lines = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, at) => Math.max(3, ...lines.map((line) => line[at]?.length ?? 0)));
  const isNumeric = columns.map((_, at) => rows.length > 0 && rows.every((row) => isNumber(row[at])));
  const format = (line: readonly string[]): string =>
    `| ${widths.map((width, at) => pad(line[at] ?? '', width, isNumeric[at] === true)).join(' | ')} |`;
  const rule = widths.map((width, at) => '-'.repeat(width - 1) + (isNumeric[at] === true ? ':' : '-'));
  const [head = [], ...body] = lines;
  return [`**${title}**`, '', format(head), format(rule), ...body.map(format)].join('\n');
}

function pad(text: string, width: number, isRight: boolean): string {
  return isRight ? text.padStart(width) : text.padEnd(width);
}

function isNumber(cell: string | number | undefined): boolean {
  return typeof cell === 'number' || /^(?:[\d.,]+|–)$/.test(cell ?? '');
}

/**
 * A document with the section of one benchmark put in the place of the one before it, or at the end. Sections stand
 * between comments that say whose they are.
 */
export function replaceSection(document: string, name: string, section: string): string {
  const [begin, end] = [`<!-- ${name}: measured -->`, `<!-- ${name}: end -->`];
  const fresh = `${begin}\n\n${section}\n\n${end}`;
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from === -1 || to < from) return `${document.trimEnd()}\n\n${fresh}\n`.trimStart();
  return document.slice(0, from) + fresh + document.slice(to + end.length);
}
