/** The first half: from a refused call over discovery, registration, consent and sign-in to tokens. */
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import { describeAddress, shortened } from './describe-exchange.ts';
import { TryError } from './explain-failure.ts';
import type { Exchange } from './recorded-fetch.ts';
import { createClient, createTransport, lastOf, tokenFields, type Walk } from './walk.ts';

/** The SDK does all of it in one go, when its first call is refused; the lines are told afterwards. */
export async function discover({ url, provider, wire, step, tell }: Walk): Promise<void> {
  const first = createClient();
  const failure = await first.connect(createTransport({ url, provider, wire })).then(
    () => undefined,
    (error: unknown) => error,
  );
  await first.close();
  const hasEndedWell = provider.authorizationUrl !== undefined;
  /** The last of the requests that is one of those, answered as it must be. */
  const find = (isWanted: (exchange: Exchange) => boolean, status: number, otherwise: string): Exchange => {
    const found = wire.exchanges.findLast(isWanted);
    if (found?.status === status) return found;
    throw failure === undefined || hasEndedWell ? new TryError(otherwise) : failure;
  };

  await step('Call without a token', async () => {
    const [call] = wire.exchanges;
    if (call === undefined) throw failure;
    if (call.status !== 401) throw new TryError(notProtected(url, call.status), call);
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(new Response(null, call));
    if (resourceMetadataUrl === undefined) {
      throw new TryError('Its WWW-Authenticate has no resource_metadata (RFC 9728 §5.1).', call);
    }
    return [tell(call), undefined];
  });
  await step('Protected resource metadata', async () => {
    const found = find(
      (exchange) => exchange.url.pathname.includes('/.well-known/oauth-protected-resource'),
      200,
      'There is no protected resource metadata (RFC 9728 §3).',
    );
    const resource = String(found.received.resource);
    if (!hasEndedWell && resource !== url.href) throw new TryError(otherAddress(resource), found);
    return [tell(found, ['resource', 'authorization_servers']), undefined];
  });
  await step('Authorization server metadata', async () => {
    const found = find(
      (exchange) => /\/\.well-known\/(oauth-a|openid-)/.test(exchange.url.pathname),
      200,
      'There is no authorization server metadata (RFC 8414 §3).',
    );
    return [tell(found, ['issuer', 'code_challenge_methods_supported']), undefined];
  });
  await step('Registration', async () => {
    const found = find(
      ({ sent }) => 'redirect_uris' in sent,
      201,
      'A registration is answered with 201 (RFC 7591 §3.2.1).',
    );
    if (!hasEndedWell) throw failure;
    return [tell(found, ['client_id']), undefined];
  });
}

export async function signIn({ url, visit, provider, wire, step, tell }: Walk): Promise<void> {
  const code = await step('Consent and sign-in', async () => {
    if (provider.authorizationUrl === undefined)
      throw new TryError('There is no address to send a person to.');
    const { returned, pages } = await visit.go(provider.authorizationUrl);
    const answer = Object.fromEntries(returned.searchParams);
    const issuer = provider.discovered?.authorizationServerMetadata?.issuer;
    if (answer.state !== provider.sentState)
      throw new TryError('The answer has another state than was sent.');
    if (answer.iss !== issuer) {
      throw new TryError(`The answer has iss=${answer.iss}, and the issuer is ${issuer} (RFC 9207 §2.4).`);
    }
    if (answer.code === undefined) {
      throw new TryError(`The answer is ${answer.error}: ${answer.error_description ?? 'no reason given'}.`);
    }
    const way = pages
      .filter(({ method, status }) => method === 'POST' || status === 200)
      .map((page) => `${page.method} ${describeAddress(page.url, url)} → ${page.status}, `);
    const fields = `code=${shortened(answer.code)} state=${shortened(answer.state)} iss=${answer.iss}`;
    return [`${way.join('')}back at the client with ${fields}`, answer.code];
  });
  await step('Code for tokens', async () => {
    await createTransport({ url, provider, wire }).finishAuth(code);
    return [tell(lastOf(wire), tokenFields), undefined];
  });
}

function notProtected(url: URL, status: number): string {
  if (status >= 500) return 'The server cannot do its work: its log has the reason.';
  return status < 400
    ? `Whoever answers at ${url.href} asks nobody to sign in: is it the MCP server itself, not the proxy?`
    : `This is not the address of an MCP server behind the proxy. It ends in /mcp: ${new URL('/mcp', url).href}`;
}

function otherAddress(resource: string): string {
  return `The server says that its address is ${resource}. Use that one: npm run try -- ${resource} (or set BASE_URL).`;
}
