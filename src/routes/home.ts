/** `/`: what this server is. */
import type { FastifyInstance } from 'fastify';
import type { Services } from '../flows/services.ts';
import { prefersHtml, sendPage } from '../http/send-page.ts';
import { homePage } from '../pages/home-page.ts';

export async function homeRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  const { config, resources, identityProviders } = services;
  const [resource] = resources;
  app.get('/', async (request, reply) => {
    if (!prefersHtml(request)) {
      return reply.send({
        resource: resource.identifier,
        authorization_server_metadata: `${config.baseUrl}/.well-known/oauth-authorization-server`,
      });
    }
    const props = {
      resourceName: resource.name,
      mcpUrl: resource.identifier,
      providerNames: identityProviders.all.map(({ displayName }) => displayName),
      needsClientId: config.clientRegistration === 'off',
    };
    return sendPage(services, reply, 200, (view) => homePage(props, view));
  });
}
