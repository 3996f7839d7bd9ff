/** Every well-known document in every form that clients try (clients.md §6.2), as it arrives outside. */
import { type Answer, isJson, isRedirect, readObject } from './ask.ts';
import type { Outside } from './check-outside.ts';

interface Form {
  readonly path: string;
  /** Names the issuer; otherwise the resource. */
  readonly isServer: boolean;
}

const forms: readonly Form[] = [
  'oauth-authorization-server',
  'openid-configuration',
  'oauth-protected-resource',
].flatMap((name) =>
  [`/.well-known/${name}`, `/.well-known/${name}/mcp`, `/mcp/.well-known/${name}`].map((path) => ({
    path,
    isServer: name !== 'oauth-protected-resource',
  })),
);

export async function checkDocuments(outside: Outside): Promise<void> {
  // In forward-auth mode what is below /mcp belongs to the MCP server.
  const asked = forms.filter(({ path }) => !outside.isForwardAuth || !path.startsWith('/mcp/'));
  await Promise.all(
    asked.map(async (form) => {
      const answer = await outside.try(form.path);
      if (answer !== undefined) checkDocument(form, answer, outside);
    }),
  );
}

function checkDocument({ path, isServer }: Form, answer: Answer, { origin, report }: Outside): void {
  const { status, headers } = answer;
  if (isRedirect(answer)) return report.found('front.redirects', `${path} → ${headers.location}`);
  if (status === 404 || status === 410) return report.found('well-known.missing', path);
  if (status === 429) return report.found('front.rate-limited', path);
  if (status !== 200) return report.found('well-known.blocked', `${path} answers ${status}`);
  const document = readObject(answer.body);
  if (document === undefined || !isJson(answer)) {
    return report.found(
      'well-known.not-json',
      `${path} is ${headers['content-type'] ?? 'of no content type'}`,
    );
  }
  const servers = isServer ? [document.issuer] : [document.authorization_servers].flat();
  if (servers.some((issuer) => issuer !== origin)) {
    report.found('issuer.mismatch', `${path} names ${servers.join(', ')}, asked was ${origin}`);
  }
  if (!isServer && document.resource !== `${origin}/mcp`) {
    report.found(
      'resource.mismatch',
      `${path} names ${String(document.resource)}, clients use ${origin}/mcp`,
    );
  }
  if (isServer) {
    const missing = missingIn(document);
    if (missing.length > 0) report.found('well-known.changed', `${path} lacks ${missing.join(', ')}`);
  }
}

/** What clients refuse to go on without (protocol.md 4, 11; clients.md §6.2). */
function missingIn(document: Readonly<Record<string, unknown>>): readonly string[] {
  const has = (member: string, value: string) => [document[member]].flat().includes(value);
  const isText = (member: string) => typeof document[member] === 'string';
  const endpoints = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'].filter(
    (member) => !isText(member),
  );
  return [
    ...endpoints,
    ...(has('code_challenge_methods_supported', 'S256') ? [] : ['code_challenge_methods_supported S256']),
    ...(has('token_endpoint_auth_methods_supported', 'none')
      ? []
      : ['token_endpoint_auth_methods_supported none']),
    ...(has('response_types_supported', 'code') ? [] : ['response_types_supported code']),
    ...['subject_types_supported', 'id_token_signing_alg_values_supported'].filter(
      (member) => !Array.isArray(document[member]),
    ),
  ];
}
