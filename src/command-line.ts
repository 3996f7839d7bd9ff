/** What the command lines of all tools have in common. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line is wrong. The message is for whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError for a flag that is not there, or has no value */
export function parseCommandLine<const T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Behind the first sentence Node explains how to write what nobody means here.
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, '') : 'unknown failure');
  }
}
