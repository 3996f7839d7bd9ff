/** `npm run bench`: measures the compiled server, beside what it is compared with. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine } from './machine.ts';
import { formatReport, replaceSection } from './print.ts';
import type { Bench, BenchReport } from './report.ts';
import { latency } from './latency.ts';
import { requests } from './requests.ts';
import { revocation } from './revocation.ts';
import { soak } from './soak.ts';
import { start } from './start.ts';
import { streams } from './streams.ts';
import { token } from './token.ts';

/** In the order in which they run, and stand in the report. */
const benches: readonly Bench[] = [requests, latency, streams, token, revocation, start, soak];

const usage = `Usage: npm run bench [-- NAME... [options]]

Measures one thing after the other; without names, everything but what is marked *:

${benches.map(({ name, about, isOnlyByName }) => `  ${`${name}${isOnlyByName ? ' *' : ''}`.padEnd(12)}${about}`).join('\n')}

  --quick           few and short rounds, whose numbers are only good for a look
  --only NAMES      of what is compared, only these, with commas between
  --rounds NUMBER   how often each is measured
  --seconds NUMBER  how long the soak lasts
  --node PATH       the Node program that runs what is measured. Default: this one
  --json FILE       writes everything as JSON
  --markdown FILE   writes each report into this document, in the place of the one before it
  --profile FOLDER  writes CPU profiles of the proxy there, which costs some speed

Close other programs first: what else runs is measured, too. docs/performance.md says how to read the numbers.`;

function readCommand() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      node: { type: 'string', default: process.execPath },
      json: { type: 'string' },
      markdown: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) throw new Error(`There is no benchmark of this name: ${unknown.join(', ')}`);
  if (values.rounds !== undefined && !/^[1-9]\d{0,2}$/.test(values.rounds))
    throw new Error('--rounds is a number from 1 to 999');
  if (values.seconds !== undefined && !/^[1-9]\d{1,4}$/.test(values.seconds))
    throw new Error('--seconds is a number from 10 to 99999');
  const chosen = benches.filter(({ name, isOnlyByName }) =>
    positionals.length === 0 ? !isOnlyByName : positionals.includes(name),
  );
  return { ...values, chosen };
}

function readCommandOrExit(): ReturnType<typeof readCommand> {
  try {
    return readCommand();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : 'unknown failure'}\n\n${usage}`);
    return process.exit(2);
  }
}

const command = readCommandOrExit();
if (command.help) console.log(usage);
else await runAll();

async function runAll(): Promise<void> {
  const { chosen, json, markdown, node, profile, quick } = command;
  const machine = describeMachine(node);
  console.log(machineLine(machine));
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const options = {
    isQuick: quick,
    node,
    only: command.only?.split(','),
    rounds: command.rounds === undefined ? undefined : Number(command.rounds),
    seconds: command.seconds === undefined ? undefined : Number(command.seconds),
    profileFolder: profile,
    say: (line: string) => console.error(line),
  };
  const reports: Record<string, BenchReport> = {};
  for (const { name, about, run } of chosen) {
    console.log(`\n## ${name}: ${about}\n`);
    try {
      const report = await run(options);
      reports[name] = report;
      const text = formatReport(report);
      console.log(text);
      if (markdown !== undefined) {
        const document = existsSync(markdown) ? readFileSync(markdown, 'utf8') : '';
        const [major = ''] = machine.node.slice(1).split('.');
        const title = `${name}, Node ${major}`;
        const measured = `Measured ${machineLine(machine)}${quick ? ', with --quick' : ''}.`;
        writeFileSync(markdown, replaceSection(document, title, `### ${title}\n\n${measured}\n\n${text}`));
      }
      if (json !== undefined)
        writeFileSync(json, `${JSON.stringify({ machine, isQuick: quick, reports }, null, 2)}\n`);
    } catch (error) {
      console.error(`${name} failed:`, error);
      process.exitCode = 1;
    }
  }
}
