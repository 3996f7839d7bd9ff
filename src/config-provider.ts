/** Which identity providers the environment names. */
import type { z } from 'zod';
import type { environmentSchema } from './config-schema.ts';
import { type ProviderId, providerIds, type ProviderSettings } from './identity/provider-profile.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that make a provider; with one of them, all are needed. */
const required = {
  google: ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
  microsoft: ['MICROSOFT_CLIENT_ID', 'MICROSOFT_CLIENT_SECRET'],
  github: ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
  oauth: ['OAUTH_AUTHORIZE_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET'],
} as const satisfies Record<ProviderId, readonly (keyof typeof whereToGet)[]>;

/** What else can be said of it. */
const optional: Readonly<Record<ProviderId, readonly string[]>> = {
  google: ['GOOGLE_HOSTED_DOMAINS'],
  microsoft: ['MICROSOFT_TENANT', 'MICROSOFT_ALLOWED_TENANTS', 'MICROSOFT_ALLOWED_GROUPS'],
  github: ['GITHUB_URL', 'GITHUB_ALLOWED_ORGANIZATIONS'],
  oauth: ['OAUTH_ALLOWED_GROUPS'],
};

/**
 * Every provider that has a variable set; anything half-set is a problem. `present` has what is set, `values` those of
 * it that can be read.
 */
export function readProviders(
  present: Environment,
  values: z.infer<typeof environmentSchema>,
  problems: string[],
): readonly [ProviderSettings, ...ProviderSettings[]] | undefined {
  const isSet = (name: string): boolean => present[name] !== undefined;
  const meant = providerIds.filter((id) => [...required[id], ...optional[id]].some(isSet));
  for (const id of meant.length === 0 ? (['oauth'] as const) : meant) {
    for (const name of required[id].filter((name) => !isSet(name))) {
      problems.push(`${name} is missing: ${whereToGet[name]}`);
    }
  }
  if (meant.length > 1 && !isSet('PRIMARY_PROVIDER')) {
    problems.push(
      `PRIMARY_PROVIDER is missing: with several identity providers it says whose people have ids without a prefix. Name the one that was there first, or none. Example: ${meant[0]}`,
    );
  }
  const primary = values.PRIMARY_PROVIDER ?? meant[0];
  const settings = meant.flatMap((id): ProviderSettings[] => {
    const url = urlOf[id](values);
    if (url === undefined) return [];
    const allowedGroups = groupsOf[id](values);
    const [clientId, clientSecret] = required[id].slice(-2).map((name) => values[name] ?? '');
    return [
      {
        id,
        url,
        clientId: clientId ?? '',
        clientSecret: clientSecret ?? '',
        isPrimary: id === primary,
        ...(id === 'google' && { hostedDomains: values.GOOGLE_HOSTED_DOMAINS }),
        ...(id === 'microsoft' && { allowedTenants: values.MICROSOFT_ALLOWED_TENANTS }),
        ...(allowedGroups !== undefined && { allowedGroups, wantsGroups: true }),
      },
    ];
  });
  for (const { url } of settings.filter(({ url }, index) => isNamedBefore(settings, url, index))) {
    problems.push(
      `OAUTH_AUTHORIZE_URL names ${url.hostname}, which other variables name already: remove one of the two. Example: only GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET`,
    );
  }
  const [first, ...others] = settings;
  return first === undefined ? undefined : [first, ...others];
}

/** Google says no groups: they are of another API, which an administrator's account alone may ask. */
const groupsOf: Readonly<
  Record<ProviderId, (values: z.infer<typeof environmentSchema>) => readonly string[] | undefined>
> = {
  google: () => undefined,
  microsoft: ({ MICROSOFT_ALLOWED_GROUPS: ids }) => ids,
  github: ({ GITHUB_ALLOWED_ORGANIZATIONS: organizations }) => organizations,
  oauth: ({ OAUTH_ALLOWED_GROUPS: groups }) => groups,
};

function isNamedBefore(settings: readonly ProviderSettings[], url: URL, index: number): boolean {
  return settings.findIndex((one) => one.url.hostname === url.hostname) < index;
}

const urlOf: Readonly<Record<ProviderId, (values: z.infer<typeof environmentSchema>) => URL | undefined>> = {
  google: () => new URL('https://accounts.google.com'),
  microsoft: ({ MICROSOFT_TENANT: tenant = 'common' }) =>
    new URL(`https://login.microsoftonline.com/${tenant}/v2.0`),
  github: ({ GITHUB_URL: origin = 'https://github.com' }) => new URL('/login/oauth/authorize', origin),
  oauth: ({ OAUTH_AUTHORIZE_URL: url }) => (url === undefined ? undefined : new URL(url)),
};

const whereToGet = {
  OAUTH_AUTHORIZE_URL:
    'the identity provider, as its issuer, base URL or authorization endpoint. Example: https://accounts.google.com',
  OAUTH_CLIENT_ID:
    'the client ID from your identity provider’s console. Example: 1234567890-abc.apps.googleusercontent.com',
  OAUTH_CLIENT_SECRET: 'the client secret from your identity provider’s console. Example: GOCSPX-…',
  GOOGLE_CLIENT_ID:
    'the client ID from https://console.cloud.google.com/auth/clients. Example: 1234567890-abc.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET:
    'the client secret from https://console.cloud.google.com/auth/clients. Example: GOCSPX-…',
  MICROSOFT_CLIENT_ID:
    'the Application (client) ID from https://entra.microsoft.com, App registrations. Example: 11112222-3333-4444-5555-666677778888',
  MICROSOFT_CLIENT_SECRET:
    'the value (not the ID) of a client secret from https://entra.microsoft.com, App registrations. Example: abc8Q~…',
  GITHUB_CLIENT_ID:
    'the client ID from https://github.com/settings/developers. Example: Ov23liAbCdEfGhIjKlMn',
  GITHUB_CLIENT_SECRET:
    'a client secret from https://github.com/settings/developers. Example: 0123456789abcdef…',
} as const;
