import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accountPage } from '../../src/pages/account-page.ts';
import { accountSignInPage } from '../../src/pages/account-sign-in-page.ts';
import { createBrand } from '../../src/pages/brand.ts';
import { consentPage } from '../../src/pages/consent-page.ts';
import { errorPage } from '../../src/pages/error-page.ts';
import { homePage } from '../../src/pages/home-page.ts';
import { renderPage, type Html } from '../../src/pages/html.ts';
import { structure, visibleText } from './read-page.ts';
import {
  accountProps,
  accountSignInProps,
  appProps,
  connectionProps,
  consentProps,
  errorProps,
  homeProps,
  view,
} from './sample-props.ts';

/** Each text that reaches a page, as a function from that text to the page. */
const github = { id: 'github', name: 'GitHub', isUnavailable: false, isLastUsed: false };

const places: Readonly<Record<string, (text: string) => Html>> = {
  'client name': (clientName) => consentPage({ ...consentProps, clientName }, view),
  'verified client name': (clientName) =>
    consentPage({ ...consentProps, clientName, standing: { kind: 'operator' } }, view),
  'client id': (clientId) => consentPage({ ...consentProps, clientId }, view),
  'callback host': (callbackHost) => consentPage({ ...consentProps, callbackHost }, view),
  'callback URI': (callbackUri) => consentPage({ ...consentProps, callbackUri }, view),
  'resource name': (resourceName) => consentPage({ ...consentProps, resourceName }, view),
  'resource identifier': (resourceIdentifier) => consentPage({ ...consentProps, resourceIdentifier }, view),
  scope: (scope) => consentPage({ ...consentProps, scopes: [{ scope, operatorWords: undefined }] }, view),
  'words of a scope': (operatorWords) =>
    consentPage({ ...consentProps, scopes: [{ scope: 'openid', operatorWords }] }, view),
  'provider name': (name) =>
    consentPage(
      { ...consentProps, providers: [{ ...consentProps.providers[0], name, isUnavailable: true }] },
      view,
    ),
  'one of several provider names': (name) =>
    consentPage({ ...consentProps, providers: [consentProps.providers[0], { ...github, name }] }, view),
  'provider id': (id) =>
    consentPage({ ...consentProps, providers: [consentProps.providers[0], { ...github, id }] }, view),
  'request id of a consent': (requestId) => consentPage({ ...consentProps, requestId }, view),
  'error code': (code) => errorPage({ ...errorProps, code }, view),
  'request id': (requestId) => errorPage({ ...errorProps, requestId }, view),
  'name of a fact': (name) => errorPage({ ...errorProps, details: { [name]: 'x' } }, view),
  fact: (fact) => errorPage({ ...errorProps, details: { Fact: fact, Facts: ['x', fact] } }, view),
  'provider of the sign-in under way': (providerName) =>
    errorPage({ ...errorProps, underWay: { url: 'https://idp.example/', providerName } }, view),
  'person at /account': (personName) => accountPage({ ...accountProps, personName }, view),
  'provider at /account': (providerName) => accountPage({ ...accountProps, providerName }, view),
  'server at /account': (resourceName) => accountPage({ ...accountProps, resourceName }, view),
  'app at /account': (clientName) =>
    accountPage({ ...accountProps, apps: [{ ...appProps, clientName }] }, view),
  'imitated app at /account': (product) =>
    accountPage({ ...accountProps, apps: [{ ...appProps, standing: { kind: 'imitation', product } }] }, view),
  'vendor at /account': (text) =>
    accountPage(
      {
        ...accountProps,
        apps: [{ ...appProps, standing: { kind: 'vendor', product: text, vendor: text } }],
      },
      view,
    ),
  'publisher at /account': (publisherHost) =>
    accountPage({ ...accountProps, apps: [{ ...appProps, publisherHost }] }, view),
  'client id at /account': (clientId) =>
    accountPage({ ...accountProps, apps: [{ ...appProps, clientId }] }, view),
  'app that was ended': (clientName) =>
    accountPage({ ...accountProps, ended: [{ ...appProps, clientName }] }, view),
  'form token': (formToken) => accountPage({ ...accountProps, formToken }, view),
  'connection id': (connectionId) =>
    accountPage(
      {
        ...accountProps,
        apps: [{ ...appProps, connections: [connectionProps, { ...connectionProps, connectionId }] }],
      },
      view,
    ),
  'facts of a connection': (text) =>
    accountPage(
      {
        ...accountProps,
        apps: [
          {
            ...appProps,
            connections: [
              {
                ...connectionProps,
                callback: { host: text, kind: 'website' },
                scopes: [{ scope: text, operatorWords: undefined }],
                lastUsedFrom: text,
                lastUsedWith: text,
              },
            ],
          },
        ],
      },
      view,
    ),
  'server where one signs in to /account': (resourceName) =>
    accountSignInPage({ ...accountSignInProps, resourceName }, view),
  'provider where one signs in to /account': (name) =>
    accountSignInPage(
      { ...accountSignInProps, providers: [{ ...consentProps.providers[0], name, isUnavailable: true }] },
      view,
    ),
  'whom to ask': (supportContact) =>
    errorPage(errorProps, { ...view, brand: createBrand({ supportContact }) }),
  'name of the server': (name) => errorPage(errorProps, { ...view, brand: createBrand({ name }) }),
  'name on the home page': (resourceName) => homePage({ ...homeProps, resourceName }, view),
  'address on the home page': (mcpUrl) => homePage({ ...homeProps, mcpUrl }, view),
  'provider on the home page': (name) => homePage({ ...homeProps, providerNames: [name, 'GitHub'] }, view),
};

const attacks = [
  '<script>alert(1)</script>',
  '"><script>alert(1)</script>',
  '"onmouseover="alert(1)',
  "' onfocus=alert(1) autofocus '",
  '</title><script>alert(1)</script>',
  '</style><script>alert(1)</script>',
  '</bdi></strong></p><form action="https://evil.example">',
  '<img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  '<!-- ',
  ']]>',
  '&lt;script&gt;',
  '`${alert(1)}`',
  '\u{202e}gnp.exe',
  '\n\n<meta http-equiv="refresh" content="0;url=https://evil.example">',
];

describe.each(Object.entries(places))('%s', (_, pageWith) => {
  const harmless = structure(pageWith('x'));

  test('cannot change the page with any known attack', () => {
    const pages = attacks.map((attack) => pageWith(`x${attack}`));

    expect(pages.map(structure)).toEqual(attacks.map(() => harmless));
  });

  test('cannot turn the text around it', () => {
    const page = pageWith('x\u{202e}gnp.exe\u{2066}');
    const [, title] = renderPage(page).split(/<\/?title>/);

    expect(`${title} ${visibleText(page)}`).not.toMatch(/[\u{202a}-\u{202e}\u{2066}-\u{2069}]/u);
  });

  test('law: no text changes the structure of the page', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(structure(pageWith(`x${text}`))).toEqual(harmless);
      }),
      { numRuns: 50 },
    );
  });
});

test('references in a text are shown as typed, not decoded', () => {
  expect(visibleText(errorPage({ ...errorProps, code: '&lt;b&gt; &amp;' }, view))).toContain(
    '&lt;b&gt; &amp;',
  );
});
