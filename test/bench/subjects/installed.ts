/** Proxies that are not Node's, as they come from a distribution. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, versionOf } from '../support/programs.ts';
import { nginxConfig, type World } from '../support/world.ts';
import { startAt, type Subject } from './subject.ts';

const haproxyProgram = findProgram('haproxy');
const nginxProgram = findProgram('nginx');

const named = (name: string, path: string | undefined): string =>
  path === undefined ? name : `${name} ${versionOf(path)}`;

function missing(name: string, path: string | undefined): string | undefined {
  return path === undefined ? `${name} is not installed` : undefined;
}

export const nginx: Subject = {
  name: 'nginx',
  label: `${named('nginx', nginxProgram)}, no checks`,
  tokens: 'ES256',
  isChecking: false,
  missing: missing('nginx', nginxProgram),
  start: (world) =>
    startAt(world, 'nginx', (port) => {
      const upstream = `upstream backend { server 127.0.0.1:${world.backend.port}; keepalive 64; keepalive_requests 1000000000; }`;
      const location = 'proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";';
      const file = join(world.folder, 'nginx.conf');
      writeFileSync(file, nginxConfig(world.folder, 'nginx', location, port, upstream));
      return { command: [nginxProgram ?? 'nginx', '-c', file, '-p', world.folder] };
    }),
};

export const haproxy = haproxyWith('haproxy', 'no checks', 'ES256', undefined);
export const haproxyRs256 = haproxyWith('haproxy-rs256', 'jwt_verify of RS256 each time', 'RS256', 'RS256');
export const haproxyEs256 = haproxyWith('haproxy-es256', 'jwt_verify of ES256 each time', 'ES256', 'ES256');

function haproxyWith(
  name: string,
  what: string,
  tokens: 'ES256' | 'RS256',
  verified: 'ES256' | 'RS256' | undefined,
): Subject {
  return {
    name,
    label: `${named('HAProxy', haproxyProgram)}, ${what}`,
    tokens,
    isChecking: verified !== undefined,
    missing: missing('HAProxy', haproxyProgram),
    start: (world) =>
      startAt(world, name, (port) => {
        const file = join(world.folder, `${name}.cfg`);
        writeFileSync(
          file,
          haproxyConfig(port, world.backend.port, verified === undefined ? '' : checks(world, verified)),
        );
        return { command: [haproxyProgram ?? 'haproxy', '-db', '-f', file] };
      }),
  };
}

function haproxyConfig(port: number, backendPort: number, rules: string): string {
  return `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option http-no-delay
  option abortonclose
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
${rules}
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}
`;
}

/** Signature, issuer, audience and lifetime; then the subject for the MCP server, and the token gone. */
function checks({ issuer, keyFile }: World, alg: 'ES256' | 'RS256'): string {
  const bearer = 'var(txn.bearer)';
  return `
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) ${bearer},jwt_header_query('$.alg')
  http-request set-var(txn.iss) ${bearer},jwt_payload_query('$.iss')
  http-request set-var(txn.aud) ${bearer},jwt_payload_query('$.aud')
  http-request set-var(txn.exp) ${bearer},jwt_payload_query('$.exp','int')
  http-request set-var(txn.sub) ${bearer},jwt_payload_query('$.sub')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str ${alg} }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str ${issuer}/mcp }
  http-request deny deny_status 401 unless { var(txn.exp),sub(txn.now) -m int gt 0 }
  http-request deny deny_status 401 unless { ${bearer},jwt_verify(txn.alg,"${keyFile(alg)}") 1 }
  http-request set-header X-Forwarded-User %[var(txn.sub)]
  http-request del-header Authorization`;
}
