/** `/account`: the apps that a person has let in. */
import { html, type Html } from '../../html.ts';

export const account = {
  title: 'Connected apps',
  heading: 'Connected apps',
  whatItShows: 'Which apps can use this server in your name, and how to end that.',
  intro: (server: Html) => html`These apps can use ${server} in your name. You can end that at any time.`,
  none: (server: Html) => html`No app can use ${server} in your name.`,
  signedInAs: (person: Html, provider: Html) =>
    html`Signed in as <strong>${person}</strong> with ${provider}.`,
  more: (count: number) =>
    `You have more connections than the ${count} shown. The ones used last are shown; end some to see the others.`,

  ended: (apps: Html) =>
    html`<strong>Access has ended</strong> for ${apps}. It takes effect at once, and nothing of yours is
      deleted.`,
  withoutName: 'An app without a name',
  imitation: (product: Html) =>
    html`<strong>This is probably not ${product}.</strong> It uses that name, but its sign-in was sent to an
      address that is not one of ${product}. If you do not know it, end its access.`,

  connection: (number: number) => `Connection ${number}`,
  allowed: 'It may',
  sentTo: 'Address',
  connected: 'Connected',
  firstUsed: 'First used',
  lastUsed: 'Last used',
  neverUsed: 'Not yet',
  from: 'Used from',
  fromPlace: (address: Html) => html`address ${address}`,
  withProgram: (program: Html) => html`program ${program}`,
  vendorsAddress: (vendor: Html) =>
    html`This app runs at ${vendor}, so the address is usually theirs, not yours.`,

  end: (app: Html) => html`End access for ${app}`,
  endConnection: (number: number) => `End connection ${number}`,
  endAll: 'End access for all apps',
  endAllQuestion: 'End access for all apps?',
  endAllWarning:
    'Each of them will have to be connected again, and will ask you again, before it can do anything in your name.',
  notYours: 'Is one of them not yours? End its access. Whoever has it is out at once.',

  signOut: 'Sign out',
  otherAccount: 'Use another account',
  signedOutAfter: (minutes: number) => `You are signed out here after ${minutes} minutes.`,

  signIn: {
    intro: (server: Html) =>
      html`See which apps can use ${server} in your name, when they did, and end that.`,
    whom: 'Sign in with the account that you use there.',
    with: (provider: Html) => html`Sign in with ${provider}`,
    chooseAccount: 'Let me choose the account',
    away: (provider: Html) => html`${provider} cannot be reached right now. Try again in a moment.`,
  },
};
