import { html, type Html } from '../../html.ts';
import type { Texts } from '../languages.ts';

export const consent = {
  title: (server: string) => `Zugriff auf ${server} erlauben?`,
  heading: (server: Html) => html`Zugriff auf ${server} erlauben?`,

  verified: 'Geprüft',
  notVerified: 'Nicht geprüft',
  asks: (who: Html, badge: Html) => html`${who} ${badge} möchte sich verbinden.`,
  callsItself: (name: Html) => html`Eine App namens <strong>${name}</strong>`,
  withoutName: 'Eine App ohne Namen',
  published: (host: Html) => html`Herausgegeben von <strong>${host}</strong>. Das hat dieser Server geprüft.`,

  known: {
    operator: (at: Html) => html`Der Betreiber dieses Servers hat sie am ${at} eingerichtet.`,
    vendor: (vendor: Html, at: Html) =>
      html`Die Adresse unten gehört ${vendor}. Hier zuerst gesehen am ${at}. Fahren Sie nur fort, wenn Sie die
      App gerade selbst verbinden.`,
    shared: (vendor: Html, at: Html) =>
      html`Jede App kann sich nennen, wie sie will. Diese wurde hier zuerst am ${at} gesehen. Die Adresse
      unten gehört ${vendor}. Von dort geht die Antwort an einen Kunden oder eine App weiter; an wen, sieht
      dieser Server nicht. Fahren Sie nur fort, wenn Sie das gerade selbst angestoßen haben.`,
    imitation: (at: Html) => html`Hier zuerst gesehen am ${at}.`,
    unknown: (at: Html) =>
      html`Jede App kann sich nennen, wie sie will. Diese wurde hier zuerst am ${at} gesehen. Entscheidend ist
      die Adresse unten: Gehört sie zu der App, die Sie verbinden?`,
  },
  imitation: (product: Html) =>
    html`<strong>Das ist vermutlich nicht ${product}.</strong> Die App benutzt den Namen, aber die Antwort
      ginge an die Adresse unten, und die ist nicht als Adresse von ${product} bekannt. Wenn jemand Sie
      hierher geschickt hat, brechen Sie ab.`,

  sentTo: 'Die Antwort geht an',
  loopback: (host: Html) => html`Ihren Computer (${host})`,
  deviceApp: (address: Html) => html`eine App auf Ihrem Gerät (${address})`,
  loopbackWarning:
    'Das ist ein Programm auf Ihrem Computer, und jedes Programm dort kann eine solche Adresse benutzen.',
  deviceAppWarning:
    'Das öffnet eine App auf Ihrem Gerät, und jede App dort kann eine solche Adresse für sich beanspruchen.',
  onlyIfStarted: 'Fahren Sie nur fort, wenn Sie das gerade selbst angestoßen haben, auf diesem Gerät.',

  ableTo: 'Die App darf dann',
  everything: (server: Html) => html`${server} in Ihrem Namen nutzen, mit allem, was Sie dort dürfen`,

  away: (provider: Html) =>
    html`${provider} ist gerade nicht erreichbar. Es ist nichts verloren: Versuchen Sie es gleich noch einmal.`,
  signInWith: (provider: Html) => html`Sie melden sich mit ${provider} an.`,
  chooseProvider: 'Wählen Sie, womit Sie sich anmelden.',
  choosesAccount: 'Dort können Sie ein anderes Konto wählen.',
  nothingBefore: 'Vorher wird nichts weitergegeben.',
  notYou: 'Nicht Sie?',
  switchAccount: 'Konto wechseln',
  continueTo: (provider: Html) => html`Weiter zu ${provider}`,
  continueToAllTheSame: (provider: Html) => html`Trotzdem weiter zu ${provider}`,
  continueWith: (provider: Html) => html`Weiter mit ${provider}`,
  continueWithAllTheSame: (provider: Html) => html`Trotzdem weiter mit ${provider}`,
  cancel: 'Abbrechen',

  otherMachine: {
    label: 'Die App läuft auf einem anderen Rechner',
    explanation: '(über SSH, in einem Container). Ich füge die Antwort dort ein.',
  },
  appId: (id: Html) => html`App-ID <code>${id}</code>`,
} satisfies Texts['consent'];
