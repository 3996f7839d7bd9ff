/** What the consent page shows, and what it sends back. */
import type { AskedScope } from './words.ts';

/** What this server knows of an app, whatever it says about itself. */
export type ClientStanding =
  /** The people who run this server made it. */
  | { readonly kind: 'operator' }
  /** The answer goes to the vendor of this product. */
  | { readonly kind: 'vendor'; readonly product: string; readonly vendor: string }
  /** The answer goes to a host of this vendor, which hands it on. */
  | { readonly kind: 'shared'; readonly vendor: string }
  /** It calls itself like this product, whose answers go elsewhere. */
  | { readonly kind: 'imitation'; readonly product: string }
  | { readonly kind: 'unknown' };

export interface ConsentPageProps {
  /** As the app calls itself; anyone can register any name. */
  readonly clientName: string | undefined;
  readonly clientId: string;
  /** Where the answer goes, short: `claude.ai`, `127.0.0.1:3334`, `cursor://anysphere.cursor-mcp`. */
  readonly callbackHost: string;
  readonly callbackUri: string;
  readonly standing: ClientStanding;
  /** The host that describes the app, for one whose client_id is the URL of a document there: this much is proven. */
  readonly publisherHost: string | undefined;
  /** Whether every registered callback is on a loopback address. */
  readonly isLoopbackOnly: boolean;
  /** Whether the callback opens an app by its scheme (RFC 8252 §7.1). */
  readonly isPrivateScheme: boolean;
  readonly registeredAt: Date;
  readonly resourceName: string;
  readonly resourceIdentifier: string;
  readonly scopes: readonly AskedScope[];
  /** Where the person may sign in; with several, they choose. */
  readonly providers: readonly [ProviderChoice, ...ProviderChoice[]];
  /** Whether the provider lets the person choose an account, whichever they are using there. */
  readonly choosesAccount: boolean;
  /** The same question for another account: where this browser was signed in with before. Nobody is named. */
  readonly otherAccountUrl: string | undefined;
  /** Goes back in the form, and is the proof that the answer came from this page. Never shown. */
  readonly requestId: string;
  /** A path on this server. */
  readonly formAction: string;
}

export interface ProviderChoice {
  /** Comes back in the form. */
  readonly id: string;
  readonly name: string;
  readonly isUnavailable: boolean;
  /** Whether this browser signed in with it last time. */
  readonly isLastUsed: boolean;
}
