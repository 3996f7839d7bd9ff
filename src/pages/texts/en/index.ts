/** English: the language that the others follow, text by text. */
import { account } from './account.ts';
import { consent } from './consent.ts';
import { errorPage, errors, facts } from './errors.ts';
import { handOver } from './hand-over.ts';
import { home } from './home.ts';
import { scopes } from './scopes.ts';
import { shared } from './shared.ts';

export const en = { account, consent, errorPage, errors, facts, handOver, home, scopes, shared };
