/** Deutsch. Mit „Sie“, kurz, und in den Wörtern, die Menschen dafür haben. */
import type { Texts } from '../languages.ts';
import { account } from './account.ts';
import { consent } from './consent.ts';
import { errorPage, errors, facts } from './errors.ts';
import { handOver } from './hand-over.ts';
import { home } from './home.ts';
import { scopes } from './scopes.ts';
import { shared } from './shared.ts';

export const de = {
  account,
  consent,
  errorPage,
  errors,
  facts,
  handOver,
  home,
  scopes,
  shared,
} satisfies Texts;
