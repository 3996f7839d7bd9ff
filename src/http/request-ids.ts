/** Names for requests, that people can quote. */
import { randomBytes } from 'node:crypto';

/** Each is another, in this process and across processes; they are no secrets, and cost next to nothing. */
export function createRequestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return () => {
    count += 1;
    return prefix + count.toString(36).padStart(4, '0');
  };
}
