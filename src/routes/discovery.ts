/** The well-known documents (RFC 8414, RFC 9728) and the keys (RFC 7517). */
import type { FastifyInstance } from 'fastify';
import type { Services } from '../flows/services.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { authorizationServerMetadata, protectedResourceMetadata } from '../protocol/metadata.ts';
import { localScopes } from '../protocol/scope-policy.ts';

const cacheControl = 'public, max-age=300';

/**
 * Each document in every form that clients try: at the root, with a resource's path behind the well-known name, and
 * with the well-known name behind the path; each also with a slash at its end.
 */
export async function discoveryRoutes(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  const { config, resources, keyRing, counts } = services;
  const serve = (address: string, document: () => object): void => {
    for (const path of [address, `${address}/`]) {
      app.get(path, async (_request, reply) => {
        // Whoever checks signatures reads the keys: that is no step of a connection.
        if (address !== '/jwks') counts.step('discovery_read');
        return reply.header('cache-control', cacheControl).send(document());
      });
      refuseOtherMethods(app, path, ['GET']);
    }
  };
  const forms = (name: string, resourcePath: string): readonly string[] => [
    `/.well-known/${name}${resourcePath}`,
    `${resourcePath}/.well-known/${name}`,
  ];

  const scopes = [...config.scopesSupported, ...localScopes(config)];
  const serverMetadata = authorizationServerMetadata(config.baseUrl, scopes, [config.signingAlg], {
    policy: config.clientRegistration,
    takesDocuments: config.clientDocuments.enabled,
  });
  for (const name of ['oauth-authorization-server', 'openid-configuration']) {
    const paths = [`/.well-known/${name}`, ...resources.flatMap(({ path }) => forms(name, path))];
    for (const path of paths) serve(path, () => serverMetadata);
  }

  const [first] = resources;
  const resourceMetadata = resources.map((resource) => ({
    paths: forms('oauth-protected-resource', resource.path),
    document: protectedResourceMetadata(resource, config.baseUrl, config.scopesSupported),
  }));
  for (const { paths, document } of resourceMetadata) for (const path of paths) serve(path, () => document);
  const rootDocument = protectedResourceMetadata(first, config.baseUrl, config.scopesSupported);
  serve('/.well-known/oauth-protected-resource', () => rootDocument);

  // Clients that try names, also for an address below the resource, take anything but 404 for an answer, a challenge too.
  for (const { path } of resources) {
    for (const base of [path, `${path}/:part`]) {
      app.all(`${base}/.well-known/*`, async (_request, reply) => reply.callNotFound());
    }
  }

  serve('/jwks', () => keyRing.jwks);
}
