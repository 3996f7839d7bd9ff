/** Props of an ordinary visit, for tests to vary. */
import type { AccountPageProps } from '../../src/pages/account-page.ts';
import type { AccountSignInPageProps } from '../../src/pages/account-sign-in-page.ts';
import { createBrand } from '../../src/pages/brand.ts';
import type { ConsentPageProps } from '../../src/pages/consent-props.ts';
import type { ErrorPageProps } from '../../src/pages/error-page.ts';
import type { HomePageProps } from '../../src/pages/home-page.ts';
import { languages } from '../../src/pages/texts/languages.ts';
import type { View } from '../../src/pages/view.ts';

/** In English, of people who say nothing about themselves. */
export const view: View = { language: languages[0], brand: createBrand({}) };

export const consentProps: ConsentPageProps = {
  clientName: 'Claude',
  clientId: 'client-1',
  callbackHost: 'claude.ai',
  callbackUri: 'https://claude.ai/api/mcp/auth_callback',
  standing: { kind: 'unknown' },
  publisherHost: undefined,
  isLoopbackOnly: false,
  isPrivateScheme: false,
  registeredAt: new Date('2026-11-23T09:32:00Z'),
  resourceName: 'Acme Notes',
  resourceIdentifier: 'https://mcp.acme.example/mcp',
  scopes: [
    { scope: 'openid', operatorWords: undefined },
    { scope: 'files:read', operatorWords: undefined },
  ],
  providers: [{ id: 'google', name: 'Google', isUnavailable: false, isLastUsed: false }],
  choosesAccount: false,
  otherAccountUrl: undefined,
  requestId: 'request-secret',
  formAction: '/consent',
};

export const errorProps: ErrorPageProps = {
  code: 'invalid_request',
  requestId: 'req-1',
  details: {
    'Asked for': 'http://localhost:9999/cb',
    Registered: ['https://a.example/cb', 'https://b.example/cb'],
  },
  continueTo: 'https://claude.ai/back?error=access_denied',
};

export const homeProps: HomePageProps = {
  resourceName: 'Acme Notes',
  mcpUrl: 'https://mcp.acme.example/mcp',
  providerNames: ['Google'],
  needsClientId: false,
};

export const connectionProps: AccountPageProps['apps'][number]['connections'][0] = {
  connectionId: '6f1e1b1c-0000-4000-8000-000000000001',
  callback: { host: 'claude.ai', kind: 'website' },
  scopes: [{ scope: 'openid', operatorWords: undefined }],
  connectedAt: new Date('2026-11-23T09:32:00Z'),
  firstUsedAt: new Date('2026-11-23T09:33:00Z'),
  lastUsedAt: new Date('2026-11-25T18:05:00Z'),
  lastUsedFrom: '203.0.113.7',
  lastUsedWith: 'Claude-User/1.0',
};

export const appProps: AccountPageProps['apps'][number] = {
  clientName: 'Claude',
  clientId: 'client-1',
  standing: { kind: 'unknown' },
  publisherHost: undefined,
  connections: [connectionProps],
};

export const accountProps: AccountPageProps = {
  resourceName: 'Acme Notes',
  personName: 'ada@example.com',
  providerName: 'Google',
  apps: [appProps],
  ended: [],
  shownOfMore: undefined,
  sessionMinutes: 20,
  formToken: 'form-token',
};

export const accountSignInProps: AccountSignInPageProps = {
  resourceName: 'Acme Notes',
  providers: consentProps.providers,
};
