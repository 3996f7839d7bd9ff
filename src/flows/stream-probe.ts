/** Lets doctor, and nobody else, open the event stream that shows what stands in front does to streams. */
import { z } from 'zod';
import { SealError, type Sealer } from '../crypto/sealing.ts';
import type { Resource } from '../protocol/resource.ts';

const place = 'stream probe';
const lifetimeMs = 120_000;
export const maxIdleSeconds = 110;

const probeShape = z.object({ expiresAt: z.number(), idleSeconds: z.number().min(0).max(maxIdleSeconds) });

/** `GET` there opens it. */
export function streamProbePath(resource: Pick<Resource, 'path'>): string {
  return `${resource.path}/.well-known/mcp-oauth-proxy/stream`;
}

/** Only who holds `ENCRYPTION_KEY` can make one, and every instance takes it. */
export function probeToken(sealer: Sealer, idleSeconds: number, now: Date): string {
  const probe: z.infer<typeof probeShape> = {
    expiresAt: now.getTime() + lifetimeMs,
    idleSeconds: Math.min(idleSeconds, maxIdleSeconds),
  };
  return Buffer.from(sealer.seal(JSON.stringify(probe), place)).toString('base64url');
}

/** How long the stream is to be silent; undefined when the token is none of ours, or too old. */
export function readProbeToken(sealer: Sealer, token: string, now: Date): number | undefined {
  try {
    const opened = sealer.open(Buffer.from(token, 'base64url'), place);
    const { expiresAt, idleSeconds } = probeShape.parse(JSON.parse(opened));
    return now.getTime() < expiresAt ? idleSeconds : undefined;
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}
