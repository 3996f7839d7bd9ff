/** What people see of those who run this server. */
import type { Colour } from './colour.ts';
import type { Css } from './html.ts';
import { accentOf, ownAccent } from './palette.ts';
import { stylesheetWith } from './stylesheet.ts';

export interface Brand {
  /** What this server is called. Undefined: by its host. */
  readonly name: string | undefined;
  readonly logo: Logo | undefined;
  readonly stylesheet: Css;
  /** Whom to ask: an address, a name, a sentence. Those that `supportLink` takes are links. */
  readonly supportContact: string | undefined;
}

export interface Logo {
  readonly bytes: Uint8Array;
  readonly contentType: LogoType;
  /** Where it is on this server; another one is elsewhere, so browsers need not ask for it again. */
  readonly path: string;
}

export type LogoType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/svg+xml';

export function createBrand(
  given: Partial<Omit<Brand, 'stylesheet'>> & { readonly colour?: Colour | undefined },
): Brand {
  return {
    name: given.name,
    logo: given.logo,
    stylesheet: stylesheetWith(given.colour === undefined ? ownAccent : accentOf(given.colour)),
    supportContact: given.supportContact,
  };
}
