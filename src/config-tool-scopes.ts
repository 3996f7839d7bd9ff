/** The policy that `TOOL_SCOPES` holds, or names a file for. */
import { readFileSync } from 'node:fs';
import { readScopePolicy, type ScopePolicy } from './protocol/scope-policy.ts';

/** JSON begins with a brace; anything else is a path. Every mistake in it is a problem of its own. */
export function readToolScopes(value: string | undefined, problems: string[]): ScopePolicy | undefined {
  if (value === undefined) return undefined;
  const text = value.startsWith('{') ? value : readFile(value);
  if (text === undefined) {
    problems.push(
      `TOOL_SCOPES must be JSON that begins with {, or the path of a file that can be read: there is none at ${value}. Example: ./tool-scopes.json`,
    );
    return undefined;
  }
  const result = readScopePolicy(text);
  if ('policy' in result) return result.policy;
  problems.push(...result.problems.map((problem) => `TOOL_SCOPES ${problem}`));
  return undefined;
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
