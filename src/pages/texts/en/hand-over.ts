/** The page after the approval, where a redirect would leave the person nowhere. */
import { html } from '../../html.ts';

export const handOver = {
  signedIn: 'You are signed in',
  paste: 'Now paste this into the app',
  refused: 'Access was not given',

  opens: 'The app opens now. Your browser may ask whether it may open it. Then you can close this page.',
  opensRefused:
    'The app received nothing, and opens now to say so. Your browser may ask whether it may open it. Then you can close this page.',
  open: 'Open the app',
  nothingOpens: 'Does nothing open, or does the app run on another machine?',
  copy: (minutes: number) =>
    `Copy this whole address, and paste it where the app itself asks for it. It works once, within ${minutes} minutes.`,

  copyThere: (minutes: number) =>
    `You are signed in. Copy this whole address, and paste it where the app asks for it, on the machine where it runs. It works once, within ${minutes} minutes. Then you can close this page.`,
  copyRefused:
    'The app received nothing. If it still waits, it learns so when you paste this address into it. You can close this page.',
  openHere: 'The app is on this computer after all',
  warning: html`<strong>Only paste it into an app that you started yourself.</strong> A person or a website
    that asks you for this address wants to get into your account.`,
};
