/** Judges answers to wrong input. */
import type { Answer, TestApp } from './app.ts';

/** What is wrong with an answer; undefined when it is no error, or an error of the client's, said as JSON. */
export function complaint(answer: Answer): string | undefined {
  const { statusCode, headers, body } = answer;
  if (statusCode >= 500) return `${statusCode}: ${body}`;
  if (statusCode < 400) return undefined;
  if (!/^application\/json\b/.test(String(headers['content-type']))) return `not JSON: ${body}`;
  const { error } = answer.json<{ error?: unknown }>();
  return typeof error === 'string' && /^[a-z_]+$/.test(error) ? undefined : `no error code: ${body}`;
}

/** The complaints about several answers. */
export function complaints(answers: readonly Answer[]): readonly string[] {
  return answers.flatMap((answer) => complaint(answer) ?? []);
}

/** What the server logged as its own failure. */
export function failuresOf({ log }: TestApp): readonly string[] {
  return log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);
}
