import { describe, expect, it } from 'vitest';
import { formatReport, replaceSection } from './print.ts';

const report = {
  tables: [{ title: 'Speed', columns: ['What', 'req/s'], rows: [['ours', 1200]] }],
  goals: [
    { goal: 'ours over bare', wanted: '≥ 0.85', reached: '0.90', isReached: true },
    { goal: 'ours over nginx', wanted: '≥ 0.45', reached: '0.40', isReached: false },
  ],
  notes: ['Two rounds.'],
};

describe('a report as Markdown', () => {
  it('has its tables, each goal beside what was reached, and its notes', () => {
    expect(formatReport(report)).toBe(
      [
        '**Speed**',
        '',
        '| What | req/s |',
        '| ---- | ----: |',
        '| ours |  1200 |',
        '',
        '**Goals**',
        '',
        '| Goal            | Wanted | Reached |        |',
        '| --------------- | ------ | ------: | ------ |',
        '| ours over bare  | ≥ 0.85 |    0.90 | yes    |',
        '| ours over nginx | ≥ 0.45 |    0.40 | **no** |',
        '',
        '- Two rounds.',
      ].join('\n'),
    );
  });

  it('takes the place of the one before it in a document, and touches nothing else', () => {
    const before = replaceSection('# Performance\n', 'requests, Node 26', 'old');
    const both = replaceSection(before, 'requests, Node 24', 'other');

    const after = replaceSection(both, 'requests, Node 26', 'new');

    expect(after).toBe(
      [
        '# Performance',
        '',
        '<!-- requests, Node 26: measured -->',
        '',
        'new',
        '',
        '<!-- requests, Node 26: end -->',
        '',
        '<!-- requests, Node 24: measured -->',
        '',
        'other',
        '',
        '<!-- requests, Node 24: end -->',
        '',
      ].join('\n'),
    );
  });
});
