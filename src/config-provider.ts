/** Which identity provider the environment names. */

export interface ProviderConfig {
  /** `google` for the preset, `oauth` for `OAUTH_*`. Kept in the database with each sign-in. */
  readonly id: 'google' | 'oauth';
  /** An issuer, a base URL or an authorization endpoint. */
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of a provider that this version does not start: never silently ignored. */
const laterProviders = [
  'MICROSOFT_CLIENT_ID',
  'MICROSOFT_CLIENT_SECRET',
  'MICROSOFT_TENANT',
  'GITHUB_CLIENT_ID',
  'GITHUB_CLIENT_SECRET',
];

/** The one identity provider: `GOOGLE_*`, or `OAUTH_*` with a URL. Anything half-set is a problem. */
export function readProvider(present: Environment, problems: string[]): ProviderConfig | undefined {
  for (const name of laterProviders.filter((name) => present[name] !== undefined)) {
    problems.push(
      `${name} is not part of this version yet: use OAUTH_AUTHORIZE_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET instead. Example: OAUTH_AUTHORIZE_URL=https://login.microsoftonline.com/<tenant id>/v2.0 or https://github.com/login/oauth/authorize`,
    );
  }
  const hasGoogle = present.GOOGLE_CLIENT_ID !== undefined || present.GOOGLE_CLIENT_SECRET !== undefined;
  const names = hasGoogle
    ? (['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'] as const)
    : (['OAUTH_AUTHORIZE_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET'] as const);
  const oauthNames = ['OAUTH_AUTHORIZE_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET'].filter(
    (name) => present[name] !== undefined,
  );
  if (hasGoogle && oauthNames.length > 0) {
    problems.push(
      `${oauthNames.join(', ')} and GOOGLE_* name two identity providers: this version signs people in through one. Remove one of them`,
    );
  }
  for (const name of names.filter((name) => present[name] === undefined)) {
    problems.push(`${name} is missing: ${whereToGet[name]}`);
  }
  const url = hasGoogle ? 'https://accounts.google.com' : present.OAUTH_AUTHORIZE_URL;
  if (url === undefined || !URL.canParse(url)) return undefined;
  if (
    /^login\.microsoftonline\.com$/.test(new URL(url).hostname) &&
    /^\/(common|organizations|consumers)(\/|$)/.test(new URL(url).pathname)
  ) {
    problems.push(
      'OAUTH_AUTHORIZE_URL must name your tenant: sign-in from any tenant is not part of this version yet. Example: https://login.microsoftonline.com/<tenant id>/v2.0',
    );
  }
  return {
    id: hasGoogle ? 'google' : 'oauth',
    url: new URL(url),
    clientId: (hasGoogle ? present.GOOGLE_CLIENT_ID : present.OAUTH_CLIENT_ID) ?? '',
    clientSecret: (hasGoogle ? present.GOOGLE_CLIENT_SECRET : present.OAUTH_CLIENT_SECRET) ?? '',
  };
}

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
} as const;
