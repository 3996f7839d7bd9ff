/** A public authority in small: a root, an intermediate that it signed, and certificates of that one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dayMs = 86_400_000;

export interface Issued {
  readonly key: string;
  /** The certificate alone. */
  readonly cert: string;
  /** With the intermediate. */
  readonly chain: string;
}

export interface Authority {
  readonly root: string;
  /** For `name`, valid from one day to another, counted from today. */
  issue(name: string, days: { readonly from: number; readonly to: number }): Issued;
  remove(): void;
}

const config = `
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
`;

const authorityExtensions = `
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
`;

function leafOf(name: string, isPublic: boolean): string {
  const issuers = 'authorityInfoAccess = caIssuers;URI:http://authority.invalid/intermediate.crt';
  return `
[leaf]
basicConstraints = CA:false
subjectAltName = DNS:${name}
${isPublic ? issuers : ''}
`;
}

/** One that is not public does not write into its certificates where its own is. */
export function createAuthority({ isPublic = true } = {}): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-authority-'));
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const date = (days: number): string =>
    new Date(Date.now() + days * dayMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  writeFileSync(join(folder, 'config'), config);
  writeFileSync(join(folder, 'index'), '');
  const request = (file: string, name: string): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl(
      'req',
      '-new',
      ...key,
      '-keyout',
      `${file}.key`,
      '-out',
      `${file}.csr`,
      '-subj',
      `/CN=${name}`,
      '-config',
      'config',
    );
  };
  const sign = (file: string, by: string, extensions: string, days: { from: number; to: number }): void => {
    const signer =
      by === file ? ['-selfsign', '-keyfile', `${by}.key`] : ['-cert', `${by}.pem`, '-keyfile', `${by}.key`];
    const validity = ['-startdate', date(days.from), '-enddate', date(days.to)];
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'config',
      ...signer,
      ...validity,
      '-extfile',
      `${file}.ext`,
      '-extensions',
      extensions,
      '-in',
      `${file}.csr`,
      '-out',
      `${file}.pem`,
    );
  };
  const make = (
    file: string,
    name: string,
    by: string,
    kind: 'authority' | 'leaf',
    days: { from: number; to: number },
  ): void => {
    writeFileSync(
      join(folder, `${file}.ext`),
      kind === 'leaf' ? leafOf(name, isPublic) : authorityExtensions,
    );
    request(file, name);
    sign(file, by, kind, days);
  };
  make('root', 'Test root', 'root', 'authority', { from: -400, to: 400 });
  make('intermediate', 'Test intermediate', 'root', 'authority', { from: -300, to: 300 });
  let count = 0;
  return {
    root: read('root.pem'),
    issue(name, days) {
      const file = `leaf${(count += 1)}`;
      make(file, name, 'intermediate', 'leaf', days);
      const cert = read(`${file}.pem`);
      return { key: read(`${file}.key`), cert, chain: cert + read('intermediate.pem') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
