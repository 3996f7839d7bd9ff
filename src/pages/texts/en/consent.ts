/** The consent page. */
import { html, type Html } from '../../html.ts';

export const consent = {
  title: (server: string) => `Allow access to ${server}?`,
  heading: (server: Html) => html`Allow access to ${server}?`,

  verified: 'Verified',
  notVerified: 'Not verified',
  asks: (who: Html, badge: Html) => html`${who} ${badge} wants to connect.`,
  callsItself: (name: Html) => html`An app that calls itself <strong>${name}</strong>`,
  withoutName: 'An app without a name',
  published: (host: Html) => html`Published by <strong>${host}</strong>: this server has checked that.`,

  /** What is known, by how much is: see `ClientStanding`. `at` is when the app first registered here. */
  known: {
    operator: (at: Html) => html`The people who run this server added it on ${at}.`,
    vendor: (vendor: Html, at: Html) =>
      html`The address below belongs to ${vendor}. First registered here on ${at}. Only continue if you are
      connecting it yourself, right now.`,
    shared: (vendor: Html, at: Html) =>
      html`Any app can take any name. This one first registered here on ${at}. The address below belongs to
      ${vendor}, which hands the answer on to one of its customers or apps, and this server cannot see to
      which. Only continue if you started this yourself, right now.`,
    imitation: (at: Html) => html`First registered here on ${at}.`,
    unknown: (at: Html) =>
      html`Any app can take any name. This one first registered here on ${at}. Go by the address below: does
      it belong to the app you are connecting?`,
  },
  imitation: (product: Html) =>
    html`<strong>This is probably not ${product}.</strong> It uses that name, but the answer would go to the
      address below, which is not one that ${product} is known to use. If someone sent you here, cancel.`,

  sentTo: 'The answer will be sent to',
  loopback: (host: Html) => html`your computer (${host})`,
  deviceApp: (address: Html) => html`an app on your device (${address})`,
  loopbackWarning: 'This is a program on your computer, and any program there can use such an address.',
  deviceAppWarning: 'This opens an app on your device, and any app there can claim such an address.',
  onlyIfStarted: 'Only continue if you started this yourself, just now, on this device.',

  ableTo: 'It will be able to',
  everything: (server: Html) => html`Use ${server} in your name, with everything you may do there`,

  away: (provider: Html) =>
    html`${provider} cannot be reached right now. Nothing is lost: trying again in a moment will work.`,
  signInWith: (provider: Html) => html`You will sign in with ${provider}.`,
  chooseProvider: 'Choose how to sign in.',
  choosesAccount: 'You can choose another account there.',
  nothingBefore: 'Nothing is shared before that.',
  notYou: 'Not you?',
  switchAccount: 'Switch account',
  continueTo: (provider: Html) => html`Continue to ${provider}`,
  continueToAllTheSame: (provider: Html) => html`Continue to ${provider} all the same`,
  continueWith: (provider: Html) => html`Continue with ${provider}`,
  continueWithAllTheSame: (provider: Html) => html`Continue with ${provider} all the same`,
  cancel: 'Cancel',

  otherMachine: {
    label: 'The app runs on another machine',
    explanation: '(over SSH, in a container). I will paste the answer into it.',
  },
  appId: (id: Html) => html`App ID <code>${id}</code>`,
};
