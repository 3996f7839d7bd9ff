/** What people read about scopes and errors, in one place. */

const scopes = new Map([
  ['openid', 'Know who you are'],
  ['profile', 'See your name and picture'],
  ['email', 'See your email address'],
  ['phone', 'See your phone number'],
  ['address', 'See your postal address'],
  ['offline_access', 'Stay connected when you are away'],
]);

export interface ScopeWords {
  readonly scope: string;
  /** The scope in words, or the scope itself when it has none. */
  readonly words: string;
}

/** The standard scopes in words (OpenID Connect Core §5.4, §11), and others in the operator's. */
export function describeScope(scope: string, operatorWords?: ReadonlyMap<string, string>): ScopeWords {
  return { scope, words: operatorWords?.get(scope) ?? scopes.get(scope) ?? scope };
}

interface ErrorWords {
  readonly title: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly nextStep: string;
}

const startAgain = 'Go back to the app and start connecting again.';
const tellTheMaker = `${startAgain} If that does not help, show this page to the people who make the app.`;

const errors = {
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
      'You have signed in, but the people who run this server let only certain accounts in. Nothing of yours was kept.',
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
} as const satisfies Record<string, ErrorWords>;

type ErrorCode = keyof typeof errors;
export const errorCodes = Object.keys(errors) as readonly ErrorCode[];

/** The words for an error code. A code without words of its own is a `server_error` to the person. */
export function describeError(code: string): ErrorWords {
  return Object.hasOwn(errors, code) ? errors[code as ErrorCode] : errors.server_error;
}
