/** What the sample identity provider remembers: in memory, for as long as it runs. */

interface Stored {
  [key: string]: unknown;
  grantId?: string;
  uid?: string;
  consumed?: number;
}

/** Entries kept at most; the oldest go first, so that a demo left running does not grow. */
const maxEntries = 5000;

/** An adapter factory for `oidc-provider` (its `adapter` option): all models share one map. */
export function createMemoryStorage() {
  const entries = new Map<string, { payload: Stored; expiresAtMs: number }>();

  const read = (key: string) => {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAtMs > Date.now() ? entry.payload : undefined;
  };

  return (model: string) => ({
    upsert: async (id: string, payload: Stored, expiresInSeconds?: number) => {
      const key = `${model}:${id}`;
      entries.delete(key);
      entries.set(key, {
        payload,
        expiresAtMs: expiresInSeconds === undefined ? Infinity : Date.now() + expiresInSeconds * 1000,
      });
      const oldest = entries.keys().next();
      if (entries.size > maxEntries && oldest.done !== true) entries.delete(oldest.value);
    },
    find: async (id: string) => read(`${model}:${id}`),
    findByUid: async (uid: string) =>
      [...entries]
        .filter(([key]) => key.startsWith(`${model}:`))
        .map(([key]) => read(key))
        .find((payload) => payload?.uid === uid),
    findByUserCode: async () => undefined,
    consume: async (id: string) => {
      const payload = read(`${model}:${id}`);
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
    },
    destroy: async (id: string) => {
      entries.delete(`${model}:${id}`);
    },
    revokeByGrantId: async (grantId: string) => {
      for (const [key, { payload }] of entries) {
        if (payload.grantId === grantId && !key.startsWith('Grant:')) entries.delete(key);
      }
    },
  });
}
