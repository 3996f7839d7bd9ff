/** `/brand/logo`: the operator's logo, as it was when the server started. */
import type { FastifyInstance } from 'fastify';
import { refuseOtherMethods } from '../http/methods.ts';
import type { Logo } from '../pages/brand.ts';

/**
 * For our own pages only. An SVG that is opened by itself is a document of this origin, so it may do nothing there: no
 * script, no request, no form (CSP Level 3 §7.3, `sandbox`).
 */
export async function logoRoute(app: FastifyInstance, { logo }: { readonly logo: Logo }): Promise<void> {
  app.get('/brand/logo', async (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=86400')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
      .header('cross-origin-resource-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
      .type(logo.contentType)
      .send(logo.bytes),
  );
  refuseOtherMethods(app, '/brand/logo', ['GET']);
}
