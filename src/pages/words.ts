/** Finds the words for what has a name in the protocol: scopes, errors, facts. A stranger's names have none. */
import type { Texts } from './texts/languages.ts';

export interface AskedScope {
  readonly scope: string;
  /** As the people who run this server put it. */
  readonly operatorWords: string | undefined;
}

/** The scope in words: in the operator's, or in ours for a standard one. Undefined when it has none. */
export function scopeInWords(texts: Texts, { scope, operatorWords }: AskedScope): string | undefined {
  return operatorWords ?? own(texts.scopes, scope);
}

/** The words for an error code. A code without words of its own is a `server_error` to the person. */
export function describeError(texts: Texts, code: string): Texts['errors']['server_error'] {
  return own(texts.errors, code) ?? texts.errors.server_error;
}

/** What a fact about an error is called on its page: by its own name, if by no other. */
export function nameOfFact(texts: Texts, name: string): string {
  return own(texts.facts, name) ?? name;
}

function own<Value>(words: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(words, name) ? words[name] : undefined;
}
