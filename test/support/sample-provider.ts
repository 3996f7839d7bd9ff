/** The sample identity provider for tests, and a browser without scripts that signs people in at it. */
import { startSampleIdentityProvider } from '../../scripts/sample-identity-provider.ts';

export const sampleClient = {
  clientId: 'proxy',
  clientSecret: 'a secret / with + signs that need encoding: %',
  redirectUri: 'http://127.0.0.1:1/callback',
};

export interface Person {
  readonly name: string;
  readonly email: string;
}

type SampleOptions = Partial<Parameters<typeof startSampleIdentityProvider>[0]>;

/** Starts one that knows `sampleClient`. An error inside it fails the test that closes it. */
export async function startSampleProvider(options: SampleOptions = {}) {
  const errors: Error[] = [];
  const provider = await startSampleIdentityProvider({
    clientId: sampleClient.clientId,
    clientSecret: sampleClient.clientSecret,
    redirectUris: [sampleClient.redirectUri],
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    issuer: provider.issuer,
    close: async () => {
      await provider.close();
      if (errors.length > 0) throw new AggregateError(errors, 'the sample identity provider failed');
    },
  };
}

/** Follows redirects and keeps cookies, within the origin it starts at. */
export function openBrowser() {
  const cookies = new Map<string, string>();

  const cookieHeader = () => [...cookies].map((pair) => pair.join('=')).join('; ');

  const visit = async (
    address: URL,
    form?: URLSearchParams,
  ): Promise<{ url: URL; text: string | undefined }> => {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: cookieHeader() },
      ...(form && { method: 'POST', body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) return { url: address, text: await response.text() };
    const next = new URL(location, address);
    return next.origin === address.origin ? visit(next) : { url: next, text: undefined };
  };

  return { visit, cookieHeader };
}

/** Signs in with the form, or by the session of an earlier time; returns the address of the answer. */
export async function signInAt(signInUrl: URL, person: Person, browser = openBrowser()): Promise<URL> {
  const shown = await browser.visit(signInUrl);
  const answered =
    shown.text === undefined ? shown : await browser.visit(shown.url, new URLSearchParams({ ...person }));
  if (answered.text !== undefined) throw new Error(`no answer, but a page: ${answered.text}`);
  return answered.url;
}

/** Signs out at the provider, in a browser that is signed in there. */
export async function signOutAt(origin: string, browser: ReturnType<typeof openBrowser>): Promise<void> {
  const { text = '' } = await browser.visit(new URL('/session/end', origin));
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
  await browser.visit(new URL('/session/end/confirm', origin), new URLSearchParams({ xsrf, logout: 'yes' }));
}

/** Presses Cancel; returns the address of the answer. */
export async function cancelAt(signInUrl: URL): Promise<URL> {
  const browser = openBrowser();
  const shown = await browser.visit(signInUrl);
  return (await browser.visit(shown.url, new URLSearchParams({ cancel: 'yes' }))).url;
}
