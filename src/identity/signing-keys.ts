/** The provider's public keys, kept between sign-ins: openid-client's own cache lives only as long as one of them. */
import { getJwksCache, setJwksCache, type Configuration, type ExportedJWKSCache } from 'openid-client';

export interface SigningKeys {
  /** Gives the kept keys to `config`, and keeps what `use` makes it fetch. */
  lend<T>(config: Configuration, use: () => Promise<T>): Promise<T>;
}

/** Keys are fetched anew after this time, so that one the provider withdrew is not trusted for long. */
const maxAgeSeconds = 300;
/** A key id that is not known makes us look again at once, but not more often than this. */
const cooldownSeconds = 10;
/** From this age on openid-client fetches keys again for a key id that it does not find. */
const libraryCooldownSeconds = 60;

export function createSigningKeys(clock: () => Date): SigningKeys {
  let kept: { readonly jwks: ExportedJWKSCache['jwks']; readonly fetchedAt: Date } | undefined;

  const ageSeconds = () =>
    kept === undefined ? Infinity : (clock().getTime() - kept.fetchedAt.getTime()) / 1000;

  return {
    lend: async (config, use) => {
      const age = ageSeconds();
      const libraryNow = Math.floor(Date.now() / 1000);
      const lentUat = age < cooldownSeconds ? libraryNow : libraryNow - libraryCooldownSeconds;
      if (kept !== undefined && age < maxAgeSeconds) setJwksCache(config, { jwks: kept.jwks, uat: lentUat });
      else kept = undefined;
      const lent = kept;
      try {
        return await use();
      } finally {
        const cache = getJwksCache(config);
        const isNew = cache !== undefined && (lent === undefined || cache.uat !== lentUat);
        if (isNew) kept = { jwks: cache.jwks, fetchedAt: clock() };
      }
    },
  };
}
