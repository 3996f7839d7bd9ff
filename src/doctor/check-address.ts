/** The public address: its name, its addresses and its certificate. */
import { promises as dns } from 'node:dns';
import { connect as connectTcp, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { isLoopbackHost } from '../config-schema.ts';
import { createAddressPolicy } from '../outbound/addresses.ts';
import { connectionTo, defaultTimeoutMs, describeError, type Network } from './ask.ts';
import type { FindingId, Report } from './finding.ts';

const isPublic = createAddressPolicy([]);

/** Returns whether the address can be asked at all. */
export async function checkAddress(origin: string, network: Network, report: Report): Promise<boolean> {
  const url = new URL(origin);
  const isHere = isLoopbackHost(url.hostname);
  if (!isHere) {
    if (url.port !== '') report.found('address.port', url.host);
    if (!(await checkName(url, network, report))) return false;
  }
  if (url.protocol === 'https:') await checkCertificate(url, network, report);
  return true;
}

async function checkName(url: URL, network: Network, report: Report): Promise<boolean> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(host) === 0 ? await (network.resolve ?? resolve)(host) : [host];
  if (addresses.length === 0) {
    report.found('dns.unknown', host);
    return false;
  }
  report.passed('address', `${host} is ${addresses.join(', ')}`);
  const hidden = addresses.filter((address) => !isPublic(address));
  if (hidden.length > 0) report.found('dns.private', `${host} is ${hidden.join(', ')}`);
  if (!addresses.some((address) => isIP(address) === 4))
    report.found('dns.no-ipv4', `${host} is ${addresses.join(', ')}`);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const canAsk = (address: string) => isIP(address) === 4 || hasIPv6() || network.place !== undefined;
  const asked = addresses.filter(canAsk);
  if (asked.length < addresses.length)
    report.unknown('address', 'its IPv6 addresses: this machine has no IPv6');
  const isDead = await Promise.all(asked.map((address) => refusesConnection(address, port, network)));
  const dead = asked.filter((_, index) => isDead[index] === true);
  // When none answers, it is the server that is away and no record.
  if (dead.length < asked.length) for (const address of dead) report.found('dns.dead-address', address);
  return true;
}

/** Both families, whatever order this machine prefers. */
async function resolve(host: string): Promise<readonly string[]> {
  const found = await dns.lookup(host, { all: true }).catch(() => []);
  return [...new Set(found.map(({ address }) => address))];
}

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ family, address }) => family === 'IPv6' && isPublic(address)),
  );
}

async function refusesConnection(address: string, port: number, network: Network): Promise<boolean> {
  const place = network.place?.(address, port) ?? { host: address, port };
  const socket = connectTcp({ ...place, timeout: 4_000 });
  return new Promise((done) => {
    const end = (isDead: boolean) => {
      socket.destroy();
      done(isDead);
    };
    socket
      .once('connect', () => end(false))
      .once('error', () => end(true))
      .once('timeout', () => end(true));
  });
}

interface Seen {
  readonly certificate: PeerCertificate;
  readonly problem: string | undefined;
}

async function checkCertificate(url: URL, network: Network, report: Report): Promise<void> {
  try {
    const { certificate, problem } = await readCertificate(url, network);
    if (problem === undefined) {
      checkLifetime(certificate, report);
      report.passed('address', `its certificate is good until ${certificate.valid_to}`);
      return;
    }
    report.found(findingOf(problem, certificate), `${problem}; ${describe(certificate)}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // A server that is not there is told elsewhere.
    if (/^(?:EPROTO|ERR_SSL_|ERR_TLS_)/.test(code) || code === 'ECONNRESET') {
      report.found('tls.no-handshake', describeError(error));
    }
  }
}

/** The names of OpenSSL, as Node gives them. */
const problems: ReadonlyMap<string, FindingId> = new Map([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls.incomplete-chain'],
  ['CERT_HAS_EXPIRED', 'tls.expired'],
  ['CERT_NOT_YET_VALID', 'tls.expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls.wrong-host'],
]);

/**
 * A certificate alone, of an authority that Node does not know: a public authority writes into it where the intermediate
 * one is, which is the one that is missing then. One of an authority of one's own does not.
 */
function findingOf(problem: string, { infoAccess }: PeerCertificate): FindingId {
  const isOfNobody =
    problem === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' && infoAccess?.['CA Issuers - URI'] === undefined;
  return isOfNobody ? 'tls.not-trusted' : (problems.get(problem) ?? 'tls.not-trusted');
}

function readCertificate(url: URL, network: Network): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...connectionTo(network, url),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      timeout: defaultTimeoutMs,
    });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.once('secureConnect', () => {
      const { authorized, authorizationError } = socket;
      const code: unknown =
        authorizationError instanceof Error && 'code' in authorizationError
          ? authorizationError.code
          : authorizationError;
      resolve({
        certificate: socket.getPeerCertificate(),
        problem: authorized ? undefined : String(code),
      });
      socket.destroy();
    });
  });
}

const dayMs = 86_400_000;

/** Renewal is usual at two thirds of the lifetime: less than a sixth, and two weeks at most, means that it did not run. */
function checkLifetime(certificate: PeerCertificate, report: Report): void {
  const [from, until] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)];
  const left = until - Date.now();
  if (left < Math.min(14 * dayMs, (until - from) / 6))
    report.found('tls.expires-soon', describe(certificate));
}

function describe({ subjectaltname = '', issuer, valid_to }: PeerCertificate): string {
  return `for ${subjectaltname}, of ${[issuer?.O, issuer?.CN].flat().filter(Boolean).join(' ')}, until ${valid_to}`;
}
