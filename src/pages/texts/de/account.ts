import { html, type Html } from '../../html.ts';
import type { Texts } from '../languages.ts';

export const account = {
  title: 'Verbundene Apps',
  heading: 'Verbundene Apps',
  whatItShows: 'Welche Apps diesen Server in Ihrem Namen nutzen können, und wie Sie das beenden.',
  intro: (server: Html) =>
    html`Diese Apps können ${server} in Ihrem Namen nutzen. Das können Sie jederzeit beenden.`,
  none: (server: Html) => html`Keine App kann ${server} in Ihrem Namen nutzen.`,
  signedInAs: (person: Html, provider: Html) =>
    html`Angemeldet als <strong>${person}</strong> mit ${provider}.`,
  more: (count: number) =>
    `Sie haben mehr Verbindungen als die ${count} gezeigten. Gezeigt sind die zuletzt benutzten; beenden Sie einige, um die anderen zu sehen.`,

  ended: (apps: Html) =>
    html`<strong>Der Zugriff ist beendet</strong> für ${apps}. Das gilt sofort, und von Ihnen wird nichts
      gelöscht.`,
  withoutName: 'Eine App ohne Namen',
  imitation: (product: Html) =>
    html`<strong>Das ist vermutlich nicht ${product}.</strong> Die App benutzt den Namen, ihre Anmeldung ging
      aber an eine Adresse, die nicht zu ${product} gehört. Wenn Sie sie nicht kennen, beenden Sie ihren
      Zugriff.`,

  connection: (number: number) => `Verbindung ${number}`,
  allowed: 'Sie darf',
  sentTo: 'Adresse',
  connected: 'Verbunden',
  firstUsed: 'Zuerst benutzt',
  lastUsed: 'Zuletzt benutzt',
  neverUsed: 'Noch nicht',
  from: 'Benutzt von',
  fromPlace: (address: Html) => html`Adresse ${address}`,
  withProgram: (program: Html) => html`Programm ${program}`,
  vendorsAddress: (vendor: Html) =>
    html`Diese App läuft bei ${vendor}, deshalb ist es meist deren Adresse, nicht Ihre.`,

  end: (app: Html) => html`Zugriff von ${app} beenden`,
  endConnection: (number: number) => `Verbindung ${number} beenden`,
  endAll: 'Zugriff aller Apps beenden',
  endAllQuestion: 'Zugriff aller Apps beenden?',
  endAllWarning:
    'Jede muss danach neu verbunden werden und Sie wieder fragen, bevor sie etwas in Ihrem Namen tun kann.',
  notYours: 'Eine davon ist nicht von Ihnen? Beenden Sie ihren Zugriff. Wer sie hat, ist sofort ausgesperrt.',

  signOut: 'Abmelden',
  otherAccount: 'Anderes Konto verwenden',
  signedOutAfter: (minutes: number) => `Nach ${minutes} Minuten werden Sie hier abgemeldet.`,

  signIn: {
    intro: (server: Html) =>
      html`Sehen Sie, welche Apps ${server} in Ihrem Namen nutzen können und wann sie es getan haben, und
      beenden Sie das.`,
    whom: 'Melden Sie sich mit dem Konto an, das Sie dort benutzen.',
    with: (provider: Html) => html`Mit ${provider} anmelden`,
    chooseAccount: 'Ich möchte das Konto auswählen',
    away: (provider: Html) =>
      html`${provider} ist gerade nicht erreichbar. Versuchen Sie es gleich noch einmal.`,
  },
} satisfies Texts['account'];
