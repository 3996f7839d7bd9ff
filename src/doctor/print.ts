/** What doctor prints: for people, grouped; for scripts, as JSON. */
import { areas, type Report } from './finding.ts';

const colours = { '✓': 32, '!': 33, '✗': 31, '–': 90 } as const;
type Mark = keyof typeof colours;

export function describe(report: Report, hasColour: boolean): string {
  const mark = (sign: Mark) => (hasColour ? `\u001B[${colours[sign]}m${sign}\u001B[0m` : sign);
  const lines = areas.flatMap((area) => {
    const inArea = (one: { readonly area: string }) => one.area === area;
    const entries = [
      ...report.passes.filter(inArea).map(({ text }) => `  ${mark('✓')} ${text}`),
      ...report.unknowns.filter(inArea).map(({ text }) => `  ${mark('–')} ${text}`),
      ...report.findings
        .filter(inArea)
        .flatMap(({ id, severity, what, hurts, fix, details }) => [
          `  ${mark(severity === 'error' ? '✗' : '!')} ${what}  [${id}]`,
          ...details.map((detail) => `      ${detail}`),
          `      Hurts: ${hurts}`,
          `      Fix:   ${fix}`,
        ]),
    ];
    return entries.length === 0 ? [] : [area, ...entries, ''];
  });
  return [...lines, summary(report)].join('\n');
}

function summary({ findings }: Report): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  if (findings.length === 0) return 'Nothing wrong was found.';
  return `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}. docs/doctor.md explains each.`;
}

export function asJson(report: Report): string {
  const { findings, passes: passed, unknowns: unknown } = report;
  return JSON.stringify({ findings, passed, unknown }, undefined, 2);
}

/** 1: somebody cannot connect. Warnings alone are 0. */
export function exitStatus({ findings }: Report): 0 | 1 {
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
}
