/** Clients that are the URL of a document: read when they ask for access, kept as a snapshot for everything else. */
import { drawerOf } from '../crypto/secrets.ts';
import { OutboundError } from '../outbound/outbound-error.ts';
import { isHostPermitted, type SafeFetch } from '../outbound/safe-fetch.ts';
import { type ClientDocument, clientIdUrlProblem, readClientDocument } from '../protocol/client-document.ts';
import { mayUseDocument } from '../protocol/client-policy.ts';
import { freshUntil } from '../protocol/document-freshness.ts';
import { PageError, TokenError } from '../protocol/errors.ts';
import {
  type DocumentReading,
  extendDocument,
  findDocumentReading,
  storeDocument,
} from '../repositories/client-documents.ts';
import { type Client, findClient } from '../repositories/clients.ts';
import { evictUnfinishedClients, maxUnfinishedClients } from '../repositories/unfinished-clients.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';
import { SingleFlight } from './single-flight.ts';

type DocumentServices = Pick<Services, 'db' | 'clock' | 'config' | 'log'>;

interface Snapshot {
  readonly client: Client;
  readonly reading: DocumentReading;
}

export class DocumentClients {
  readonly #services: DocumentServices;
  readonly #fetch: SafeFetch;
  readonly #flights = new SingleFlight<Client>();

  constructor(services: DocumentServices, fetch: SafeFetch) {
    this.#services = services;
    this.#fetch = fetch;
  }

  /**
   * The client whose document is at `clientId`. A snapshot that is fresh by the rules of HTTP is used as it is. An
   * origin that is away, or publishes something unusable, does not take the place of the last good snapshot for a week.
   *
   * @param events where its first use is recorded
   * @throws PageError that says what is wrong with which URL
   */
  async find(clientId: string, events: Pick<Services['events'], 'record'>): Promise<Client> {
    const problem = clientIdUrlProblem(clientId);
    if (problem !== undefined) throw unusable(clientId, problem, 400);
    const { clientDocuments, clientRegistration } = this.#services.config;
    if (!mayUseDocument(clientRegistration, clientId)) {
      throw unusable(clientId, 'this server takes only clients that it knows', 403);
    }
    if (!clientDocuments.enabled) throw unusable(clientId, 'this server does not read such documents', 403);
    if (!isHostPermitted(clientDocuments, new URL(clientId).hostname)) {
      throw unusable(clientId, 'this server does not take apps from this host', 403);
    }
    const snapshot = await this.#findSnapshot(clientId);
    const isFresh = snapshot !== undefined && this.#services.clock() < snapshot.reading.freshUntil;
    return isFresh
      ? snapshot.client
      : this.#flights.run(clientId, () => this.#read(clientId, snapshot, events));
  }

  async #findSnapshot(clientId: string): Promise<Snapshot | undefined> {
    const reading = await findDocumentReading(this.#services.db, clientId);
    const client = reading === undefined ? undefined : await findClient(this.#services.db, clientId);
    return reading === undefined || client === undefined ? undefined : { client, reading };
  }

  async #read(
    clientId: string,
    snapshot: Snapshot | undefined,
    events: Pick<Services['events'], 'record'>,
  ): Promise<Client> {
    try {
      const client = await this.#revalidate(clientId, snapshot);
      const { clientName } = client;
      if (snapshot === undefined)
        events.record({ type: 'registration', outcome: 'success', how: 'document', clientId, clientName });
      return client;
    } catch (error) {
      if (!(error instanceof OutboundError || error instanceof TokenError)) throw error;
      return this.#useStale(clientId, snapshot, error);
    }
  }

  async #revalidate(clientId: string, snapshot: Snapshot | undefined): Promise<Client> {
    const { db, clock } = this.#services;
    const answer = await this.#fetch(new URL(clientId), snapshot?.reading);
    const times = { fetchedAt: clock(), freshUntil: freshUntil(answer.headers, clock()) };
    if (answer.outcome === 'not_modified') {
      // Only a snapshot makes the origin answer this.
      if (snapshot === undefined) throw new OutboundError('it answered 304, not 200', { isTransient: true });
      await extendDocument(db, clientId, times);
      return snapshot.client;
    }
    const document = readClientDocument(clientId, answer.json);
    const client = toClient(clientId, document, snapshot?.client.createdAt ?? clock());
    const { etag, lastModified } = answer.headers;
    const from = drawerOf(new URL(clientId).hostname);
    await storeDocument(db, client, { ...times, etag, lastModified, from });
    if (snapshot === undefined) await evictUnfinishedClients(db, maxUnfinishedClients);
    return client;
  }

  /** What was read before, while it is not too old. It is not asked for again at once: someone is waiting each time. */
  async #useStale(
    clientId: string,
    snapshot: Snapshot | undefined,
    error: OutboundError | TokenError,
  ): Promise<Client> {
    const { db, clock, log } = this.#services;
    const problem = error instanceof TokenError ? error.reason : error.message;
    log.warn({ clientId, reason: problem, err: error.cause }, 'a client metadata document cannot be used');
    const now = clock();
    if (snapshot === undefined || now > later(snapshot.reading.fetchedAt, lifetimes.staleDocumentMs)) {
      const isAway = error instanceof OutboundError && error.isTransient;
      throw unusable(clientId, problem, isAway ? 503 : 400);
    }
    await extendDocument(db, clientId, {
      fetchedAt: snapshot.reading.fetchedAt,
      freshUntil: later(now, lifetimes.outboundCooldownMs),
    });
    return snapshot.client;
  }
}

function toClient(clientId: string, document: ClientDocument, createdAt: Date): Client {
  return {
    clientId,
    clientSecretHash: undefined,
    tokenEndpointAuthMethod: document.tokenEndpointAuthMethod,
    clientName: document.clientName,
    redirectUris: document.redirectUris,
    grantTypes: document.grantTypes,
    responseTypes: document.responseTypes,
    scopes: document.scopes,
    resource: undefined,
    mayIntrospect: false,
    metadata: document.informational,
    jwks: document.jwks,
    jwksUri: document.jwksUri,
    isAssertionOptional: document.isAssertionOptional,
    source: 'document',
    createdAt,
  };
}

/** What is wrong, in words of ours, and with which URL; nothing that was found there. */
function unusable(clientId: string, problem: string, status: 400 | 403 | 503): PageError {
  return new PageError(status === 503 ? 'client_document_unavailable' : 'invalid_client_document', {
    status,
    reason: `client metadata document: ${problem}`,
    description: `The client metadata document cannot be used: ${problem}`,
    details: { client_id: clientId, problem },
    about: { clientId },
  });
}
