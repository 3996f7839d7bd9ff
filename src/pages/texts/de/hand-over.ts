import { html } from '../../html.ts';
import type { Texts } from '../languages.ts';

export const handOver: Texts['handOver'] = {
  signedIn: 'Sie sind angemeldet',
  paste: 'Fügen Sie das jetzt in die App ein',
  refused: 'Kein Zugriff gegeben',

  opens:
    'Die App öffnet sich jetzt. Ihr Browser fragt vielleicht, ob er sie öffnen darf. Danach können Sie diese Seite schließen.',
  opensRefused:
    'Die App hat nichts erhalten, und öffnet sich jetzt, um das zu melden. Ihr Browser fragt vielleicht, ob er sie öffnen darf. Danach können Sie diese Seite schließen.',
  open: 'App öffnen',
  nothingOpens: 'Öffnet sich nichts, oder läuft die App auf einem anderen Rechner?',
  copy: (minutes: number) =>
    `Kopieren Sie diese ganze Adresse, und fügen Sie sie dort ein, wo die App selbst danach fragt. Sie gilt einmal, ${minutes} Minuten lang.`,

  copyThere: (minutes: number) =>
    `Sie sind angemeldet. Kopieren Sie diese ganze Adresse, und fügen Sie sie in die App ein, auf dem Rechner, auf dem sie läuft. Sie gilt einmal, ${minutes} Minuten lang. Danach können Sie diese Seite schließen.`,
  copyRefused:
    'Die App hat nichts erhalten. Wenn sie noch wartet, erfährt sie das, sobald Sie diese Adresse dort einfügen. Sie können diese Seite schließen.',
  openHere: 'Die App läuft doch auf diesem Computer',
  warning: html`<strong>Fügen Sie sie nur in eine App ein, die Sie selbst gestartet haben.</strong> Ein Mensch
    oder eine Website, die Sie nach dieser Adresse fragt, will in Ihr Konto.`,
};
