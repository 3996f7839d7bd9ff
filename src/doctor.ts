/** Finds out why clients do not connect: `npm run doctor`, or `node dist/doctor.js` in the image. */
import { readEnvironment } from './config.ts';
import { UsageError } from './command-line.ts';
import { readCommand, usage } from './doctor/command.ts';
import { examine, examineAddress } from './doctor/examine.ts';
import { readable } from './doctor/finding.ts';
import { asJson, describe, exitStatus } from './doctor/print.ts';

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  if (command === 'help') return console.log(usage);
  const environment = readEnvironment();
  const report =
    command.origin === undefined ? await examine(environment, command) : await examineAddress(command.origin);
  const hasColour = process.stdout.isTTY && !environment.NO_COLOR;
  console.log(command.asJson ? asJson(report) : describe(report, hasColour));
  process.exitCode = exitStatus(report);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  const message = error instanceof Error ? error.message : 'unknown failure';
  console.error(`${readable(message)}${isUsage ? '\n\n--help prints all there is.' : ''}`);
  process.exitCode = 2;
}
