/** Reads a DSN the way libpq does, so that one that works in psql means the same here. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

export interface PostgresTarget {
  /** The DSN without its TLS parameters, which `tls` replaces. */
  readonly connectionString: string;
  readonly tls: false | ConnectionOptions;
  /** `sslmode=prefer`: plain text will do when the server has no TLS. */
  readonly mayBePlain: boolean;
}

const tlsParameters = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'];

/**
 * | `sslmode` | Encrypted | Server verified |
 * | --- | --- | --- |
 * | `disable` | no | no |
 * | `prefer` (the default) | when the server can | no |
 * | `require`, `no-verify` | yes | no; `require` with `sslrootcert` is `verify-ca` |
 * | `verify-ca` | yes | its certificate, by `sslrootcert` |
 * | `verify-full` | yes | its certificate, by `sslrootcert` or the well-known authorities, and its name |
 *
 * Source: https://www.postgresql.org/docs/current/libpq-ssl.html. The driver alone would read
 * `prefer` and `require` as `verify-full`, no `sslmode` as `disable`, and print a warning.
 *
 * @throws Error for an operator, without the DSN in it: it may hold a password
 */
export function readPostgresTarget(dsn: string): PostgresTarget {
  if (!/^postgres(ql)?:\/\//.test(dsn) || !URL.canParse(dsn)) {
    throw new Error('DATABASE_DSN must be a postgres:// URL. Example: postgres://user:password@db:5432/mcp');
  }
  const url = new URL(dsn);
  const parameters = Object.fromEntries(tlsParameters.map((name) => [name, url.searchParams.get(name)]));
  for (const name of tlsParameters) url.searchParams.delete(name);

  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  const mode = parameters.sslmode ?? driverModes[parameters.ssl ?? ''] ?? 'prefer';
  const tls = readTls(mode, parameters);
  return {
    connectionString: url.href,
    tls: host.startsWith('/') ? false : tls,
    mayBePlain: mode === 'prefer',
  };
}

/** What Node's driver has always made of `?ssl=`. */
const driverModes: Readonly<Record<string, string>> = {
  true: 'verify-full',
  1: 'verify-full',
  false: 'disable',
  0: 'disable',
  'no-verify': 'no-verify',
};

function readTls(mode: string, parameters: Record<string, string | null>): false | ConnectionOptions {
  const files = {
    ...(parameters.sslcert ? { cert: readPem('sslcert', parameters.sslcert) } : {}),
    ...(parameters.sslkey ? { key: readPem('sslkey', parameters.sslkey) } : {}),
  };
  const root = parameters.sslrootcert;
  const authority = root && root !== 'system' ? { ca: readPem('sslrootcert', root) } : {};
  const anyName = () => undefined;

  switch (mode) {
    case 'disable':
      return false;
    case 'require':
    case 'verify-ca':
      if (root === 'system') return { ...files };
      if (root) return { ...files, ...authority, checkServerIdentity: anyName };
      if (mode === 'require') return { ...files, rejectUnauthorized: false };
      throw new Error(
        'DATABASE_DSN: sslmode=verify-ca needs sslrootcert, the file of the certificate authority',
      );
    case 'prefer':
    case 'no-verify':
      return { ...files, rejectUnauthorized: false };
    case 'verify-full':
      return { ...files, ...authority };
    default:
      throw new Error(
        `DATABASE_DSN: sslmode=${mode} is not supported. Use disable, prefer, require, verify-ca or verify-full`,
      );
  }
}

function readPem(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`DATABASE_DSN: the file that ${parameter} names cannot be read: ${file}`, {
      cause: error,
    });
  }
}
