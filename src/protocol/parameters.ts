/** Request parameters as they arrive: a repeated one is an array, an empty one counts as absent (RFC 6749 §3.1). */
import { z } from 'zod';

export type RawParameters = Readonly<Record<string, unknown>>;

/** Leaves out empty parameters, which RFC 6749 §3.1 says to treat as omitted. */
export function dropEmpty(raw: RawParameters): RawParameters {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== ''));
}

/** One value without NUL; an array, from a repeated parameter, does not pass (RFC 6749 §3.1, §3.2). */
export const single = z
  .string()
  .max(8192)
  .refine((value) => !value.includes('\0'));

/** `resource` may be repeated (RFC 8707 §2); inside it is a list. */
export const resourceParameter = z
  .union([z.string().max(2048), z.array(z.string().max(2048)).max(10)])
  .transform((value): readonly string[] =>
    typeof value === 'string' ? [value] : value.filter((item) => item !== ''),
  )
  .optional();

/** A parsed query string or form. A request without a body has no parameters. */
export function readParameters(parsed: unknown): RawParameters {
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
