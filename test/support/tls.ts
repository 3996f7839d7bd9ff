/** Certificates, made with the program openssl where the machine has it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A suite that needs certificates: skipped without the program openssl, and named at the end of the test run. */
export const describeTls = hasOpenssl ? describe : describe.skip;

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate that is its own authority, for these names. */
export function createCertificate(names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-'));
  try {
    writeFileSync(join(folder, 'config'), certificateConfig(names));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', 'cert.pem', '-days', '2', '-config', 'config'], {
      cwd: folder,
      stdio: 'pipe',
    });
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    return { key: read('key.pem'), cert: read('cert.pem') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function certificateConfig(names: readonly string[]): string {
  return [
    '[req]',
    'distinguished_name = name',
    'x509_extensions = extensions',
    'prompt = no',
    '[name]',
    'CN = test',
    '[extensions]',
    `subjectAltName = ${names.map((name) => `DNS:${name}`).join(',')}`,
  ].join('\n');
}
