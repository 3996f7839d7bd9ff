/** Which scopes a caller needs for which MCP method or tool, as the operator says it in `TOOL_SCOPES`. */
import { z } from 'zod';
import { repeatsKey } from './json-text.ts';
import { offlineAccess, parseScope } from './scope.ts';

export interface ScopePolicy {
  readonly rules: readonly ScopeRule[];
  /** What people read for a scope. */
  readonly words: ReadonlyMap<string, string>;
  /** The narrower scopes that a scope stands for. */
  readonly includes: ReadonlyMap<string, readonly string[]>;
}

interface ScopeRule {
  readonly method: string;
  /** Undefined: whatever the name. */
  readonly name: string | undefined;
  readonly scopes: readonly string[];
}

/** What a rule can look at in a JSON-RPC message. */
interface Operation {
  /** Undefined in a response. */
  readonly method: string | undefined;
  readonly name: string | undefined;
}

/** Methods whose `params.name` says what is executed. A resource's URI has many spellings, so no rule goes by it. */
const namedMethods: readonly string[] = ['tools/call', 'prompts/get'];

/** What clients may send under some MCP revision so far. Others can be ruled, for what is yet to come. */
const knownMethods: readonly string[] = [
  ...namedMethods,
  'initialize',
  'ping',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'server/discover',
  'subscriptions/listen',
  'tasks/get',
  'tasks/result',
  'tasks/list',
  'tasks/update',
  'tasks/cancel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
];

const document = z.strictObject({
  rules: z.record(z.string(), z.array(z.string())),
  scopes: z
    .record(
      z.string(),
      z.strictObject({ words: z.string().optional(), includes: z.array(z.string()).optional() }),
    )
    .optional(),
});

const example = '{"rules":{"tools/call delete_*":["files:write"]}}';

/** The policy that a JSON text holds, or a sentence for each mistake in it. */
export function readScopePolicy(
  text: string,
): { readonly policy: ScopePolicy } | { readonly problems: readonly string[] } {
  const value = parseJson(text);
  if (value === undefined) return { problems: [`must be JSON. Example: ${example}`] };
  if (repeatsKey(text, Infinity))
    return { problems: ['has a key twice in one object: only one would count'] };
  const parsed = document.safeParse(value);
  if (!parsed.success) return { problems: parsed.error.issues.map(describeIssue) };
  const { rules, scopes = {} } = parsed.data;
  const entries = Object.entries(scopes);
  const listed = [
    ...Object.entries(rules).map(([key, list]) => [`the rule "${key}"`, list] as const),
    ['"scopes"', Object.keys(scopes)] as const,
    ...entries.map(([scope, { includes = [] }]) => [`"includes" of "${scope}"`, includes] as const),
  ];
  const problems = [
    ...(Object.keys(rules).length === 0 ? [`must have at least one rule. Example: ${example}`] : []),
    ...Object.entries(rules).flatMap(([key, list]) => ruleProblems(key, list)),
    ...listed.flatMap(([place, list]) => list.flatMap((scope) => scopeProblems(place, scope))),
    ...entries
      .filter(([, { words }]) => words?.trim() === '')
      .map(([scope]) => `has no words for "${scope}": say what people read, or leave "words" out`),
  ];
  if (problems.length > 0) return { problems };
  return {
    policy: {
      rules: Object.entries(rules).map(([key, list]) => ({ ...splitKey(key), scopes: [...new Set(list)] })),
      words: new Map(entries.flatMap(([scope, { words }]) => (words === undefined ? [] : [[scope, words]]))),
      includes: new Map(entries.map(([scope, { includes = [] }]) => [scope, includes])),
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  const place = path.length === 0 ? 'the whole' : `"${path.join('" → "')}"`;
  return `has a wrong shape at ${place}: ${message}. Example: ${example}`;
}

function splitKey(key: string): { readonly method: string; readonly name: string | undefined } {
  const space = key.indexOf(' ');
  return space === -1
    ? { method: key, name: undefined }
    : { method: key.slice(0, space), name: key.slice(space + 1) };
}

function ruleProblems(key: string, scopes: readonly string[]): string[] {
  const { method, name } = splitKey(key);
  const problems = [];
  if (!/^(?:[\w$./-]+\*?|\*)$/.test(method) || name === '' || name?.trim() !== name || isMisplaced(name)) {
    problems.push(
      `has a rule that cannot be read, "${key}": write a method, or a method, one space and a name; a * stands at the end only`,
    );
  } else if (name !== undefined && !namedMethods.includes(method)) {
    problems.push(
      `has a rule with a name for "${method}": only ${namedMethods.join(' and ')} can be ruled by name`,
    );
  }
  if (scopes.length === 0) problems.push(`has no scope for "${key}": a rule without scopes would do nothing`);
  return problems;
}

function isMisplaced(name = ''): boolean {
  return name.slice(0, -1).includes('*');
}

function scopeProblems(place: string, scope: string): string[] {
  if (scope === offlineAccess) {
    return [`names ${offlineAccess} in ${place}: it asks for a refresh token, and permits nothing`];
  }
  const tokens = parseScope(scope);
  return tokens?.length === 1 && tokens[0] === scope
    ? []
    : [
        `has a scope that cannot be one in ${place}, "${scope}": no spaces, quotes or backslashes (RFC 6749 §3.3)`,
      ];
}

/** Methods in rules that no MCP revision has so far: likely misspelt, and then the rule protects nothing. */
export function unknownMethods({ rules }: ScopePolicy): readonly string[] {
  const methods = new Set(rules.map(({ method }) => method));
  return [...methods].filter((method) => !knownMethods.some((known) => matches(method, known)));
}

/** Every scope that the policy names. */
function policyScopes({ rules, includes }: ScopePolicy): readonly string[] {
  const scopes = [
    ...rules.flatMap((rule) => rule.scopes),
    ...includes.keys(),
    ...[...includes.values()].flat(),
  ];
  return [...new Set(scopes)];
}

/**
 * The scopes that are ours alone: named by the policy and not by `SCOPES_SUPPORTED`. Clients may ask for them, but
 * they are in no default, and the identity provider, which would refuse the whole sign-in, never hears of them.
 */
export function localScopes(config: {
  readonly toolScopes: ScopePolicy | undefined;
  readonly scopesSupported: readonly string[];
}): readonly string[] {
  if (config.toolScopes === undefined) return [];
  return policyScopes(config.toolScopes).filter((scope) => !config.scopesSupported.includes(scope));
}

/** All scopes that these operations need together: every rule that fits adds its own. */
export function requiredScopes({ rules }: ScopePolicy, operations: readonly Operation[]): readonly string[] {
  const fitting = rules.filter((rule) =>
    operations.some(
      ({ method, name }) =>
        method !== undefined &&
        matches(rule.method, method) &&
        (rule.name === undefined || (name !== undefined && matches(rule.name, name))),
    ),
  );
  return [...new Set(fitting.flatMap(({ scopes }) => scopes))];
}

/** Whether a rule would have to know the name of an operation with this method. */
export function looksAtName({ rules }: ScopePolicy, method: string): boolean {
  return rules.some((rule) => rule.name !== undefined && rule.method === method);
}

/** Which of the needed scopes the granted ones neither name nor include (MCP 2026-07-28, scope hierarchies). */
export function missingScopes(
  { includes }: ScopePolicy,
  needed: readonly string[],
  granted: readonly string[],
): readonly string[] {
  const held = new Set(granted);
  // A set gives what is added while it is walked.
  for (const scope of held) for (const narrower of includes.get(scope) ?? []) held.add(narrower);
  return needed.filter((scope) => !held.has(scope));
}

/** A pattern ends in `*` for any ending; all else is compared character for character, as MCP servers do. */
function matches(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
