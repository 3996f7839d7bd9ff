/** Errors, by their code: the error page. */
import { html, type Html } from '../../html.ts';

interface ErrorWords {
  readonly title: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly nextStep: string;
}

const startAgain = 'Go back to the app and start connecting again.';
const tellTheMaker = `${startAgain} If that does not help, show this page to the people who make the app.`;

export const errors = {
  invalid_client: {
    title: 'This app is not registered here',
    message: 'The app that sent you is not registered here, or not any more.',
    nextStep: 'In the app, remove this connection and add it again.',
  },
  client_not_allowed: {
    title: 'This app may not connect here',
    message: 'The people who run this server let only certain apps connect, and this is not one of them.',
    nextStep: 'Ask them to add this app, or connect with another one.',
  },
  unauthorized_client: {
    title: 'This app signs nobody in',
    message: 'The app that sent you is registered to act for itself, not for people.',
    nextStep: 'Show this page to the people who set the app up: it needs a registration of its own for this.',
  },
  invalid_redirect_uri: {
    title: 'The app’s return address does not match',
    message: 'The app wants the answer sent to an address that it has not registered, so nothing was sent.',
    nextStep:
      'In the app, remove this connection and add it again. If that does not help, show this page to the people who make the app.',
  },
  invalid_client_document: {
    title: 'This app’s description cannot be used',
    message:
      'The app names a document on its maker’s website that describes it, and something is wrong with it.',
    nextStep:
      'Nothing is wrong on your side. Show this page to the people who make the app, or to those who run this server.',
  },
  client_document_unavailable: {
    title: 'This app’s description cannot be read',
    message:
      'The app names a document on its maker’s website that describes it, and it could not be read just now.',
    nextStep:
      'Wait a minute, then connect again. If that does not help, show this page to the people who make the app.',
  },
  invalid_request: {
    title: 'The app’s request is not complete',
    message: 'Something in the address that brought you here is missing, repeated or damaged.',
    nextStep: tellTheMaker,
  },
  unsupported_response_type: {
    title: 'The app asks in an unsupported way',
    message: 'The app asked for a kind of answer that this server does not give.',
    nextStep: 'Update the app, then connect again.',
  },
  invalid_scope: {
    title: 'The app asks for an unknown permission',
    message: 'The app asked for a permission that this server does not have.',
    nextStep: tellTheMaker,
  },
  invalid_target: {
    title: 'The app asks for another server',
    message: 'The app asked for access to a server that is not here.',
    nextStep: 'Check the server address in the app’s settings, then connect again.',
  },
  not_admitted: {
    title: 'Your account may not sign in here',
    message:
      'You have signed in, but the people who run this server let only certain accounts in. The app received nothing.',
    nextStep: 'Use another account, or ask them to let this one in.',
  },
  access_denied: {
    title: 'Access was not given',
    message: 'The request was declined, and the app received nothing.',
    nextStep: 'If you want to connect after all, go back to the app and start again.',
  },
  expired_request: {
    title: 'This request is over',
    message: 'It took too long, or it has been answered already.',
    nextStep: startAgain,
  },
  already_approved: {
    title: 'You have approved this already',
    message: 'Nothing is wrong: this was sent twice, and the first time counts.',
    nextStep: 'Go on to sign in.',
  },
  already_answered: {
    title: 'This is finished',
    message: 'The sign-in has ended already. Its answer is given once, and not shown again.',
    nextStep: 'You can close this page. If the app still waits, start connecting again there.',
  },
  wrong_browser: {
    title: 'This is not the browser you started in',
    message:
      'The request was approved in another browser, or this browser did not keep our cookie, so we stopped.',
    nextStep:
      'Start again from the app and stay in one browser. If someone sent you the link that led here, close this page.',
  },
  provider_unavailable: {
    title: 'Sign-in is away for a moment',
    message: 'The service that signs you in cannot be reached right now.',
    nextStep: 'Wait a minute, then go back to the app and connect again.',
  },
  temporarily_unavailable: {
    title: 'We will be back in a moment',
    message: 'Part of this server is away right now; nothing of yours is lost.',
    nextStep: 'Wait a minute, then try again.',
  },
  server_error: {
    title: 'Something went wrong here',
    message: 'This server made a mistake; it is not your fault, and not the app’s.',
    nextStep:
      'Try again. If it happens again, tell the people who run this server, with the request number below.',
  },
  rate_limited: {
    title: 'Too many requests',
    message: 'A lot of requests came from your network in a short time.',
    nextStep: 'Wait a minute, then try again.',
  },
  not_found: {
    title: 'There is no page here',
    message: 'The address may be mistyped or out of date.',
    nextStep: 'Check the address, or open the start page of this server.',
  },
  forbidden_origin: {
    title: 'This form was sent from elsewhere',
    message: 'The answer came from another website than this one, so it was not accepted.',
    nextStep:
      'Go back to the app and start connecting again. If another website asked you to do this, close it.',
  },
  account_over: {
    title: 'This sign-in is over',
    message: 'It took too long, was completed already, or was started in another browser.',
    nextStep: 'Open your connected apps again. If someone sent you the link that led here, close this page.',
  },
  account_refused: {
    title: 'You are not signed in',
    message: 'The sign-in was cancelled, or the service that signs you in refused it.',
    nextStep: 'Open your connected apps and try again.',
  },
  account_signed_out: {
    title: 'You were signed out meanwhile',
    message: 'Your connected apps were open for too long, so nothing was changed.',
    nextStep: 'Sign in once more and do it again.',
  },
  account_form: {
    title: 'Nothing was changed',
    message: 'The form was not sent by our page as you see it now, so it was not accepted.',
    nextStep: 'Open your connected apps and do it there. If another website asked you to do this, close it.',
  },
  account_no_connection: {
    title: 'There is no such connection',
    message: 'Nothing was changed: the connection is not one of yours, or has been gone for long.',
    nextStep: 'Open your connected apps to see what there is.',
  },
} satisfies Record<string, ErrorWords>;

/** What is shown beside, by its name in the protocol or the program. */
export const facts = {
  redirect_uri: 'redirect_uri asked for',
  registered_redirect_uris: 'redirect_uri registered',
  client_id: 'client_id',
  problem: 'Problem',
  account: 'Your account',
};

/** The rest of the error page. */
export const errorPage = {
  whomToAsk: 'Whom to ask',
  backToApp: 'Back to the app',
  useAnotherAccount: 'Use another account',
  errorAndRequest: (code: Html, requestId: Html) =>
    html`Error <code>${code}</code> · Request <code>${requestId}</code>`,
};
