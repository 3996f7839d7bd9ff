/** A server of several processes, as its log shows it. */
import { once } from 'node:events';
import { type Agent, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import { poll, type ServerProcess } from '../support/process.ts';

export interface LogLine {
  readonly pid: number;
  readonly msg: string;
  readonly worker?: number;
  readonly delayMs?: number;
  readonly reason?: string | string[];
  readonly path?: string;
}

export function linesOf(server: ServerProcess): readonly LogLine[] {
  return server
    .stdout()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

export function linesAbout(server: ServerProcess, msg: string): readonly LogLine[] {
  return linesOf(server).filter((line) => line.msg === msg);
}

/** Waits for so many lines with this message. */
export async function until(server: ServerProcess, msg: string, count = 1): Promise<void> {
  await poll(async () => linesAbout(server, msg).length >= count).catch(() => {
    throw new Error(`not ${count} times "${msg}" in:\n${server.stdout()}`);
  });
}

/** The processes that became ready, in that order. */
export function workersOf(server: ServerProcess): readonly number[] {
  return linesAbout(server, 'a worker is ready').map(({ worker }) => worker ?? 0);
}

/** The processes that answered requests for this path. */
export function answerersOf(server: ServerProcess, path: string): ReadonlySet<number> {
  return new Set(linesAbout(server, 'request').flatMap((line) => (line.path === path ? [line.pid] : [])));
}

/** @throws what the connection did, when there is no whole answer */
export async function ask(url: string, options: RequestOptions = {}): Promise<number> {
  const outgoing = httpRequest(url, options);
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  await text(response);
  return response.statusCode ?? 0;
}

export interface Load {
  /** Requests that got their whole answer so far, and how those ended that did not get a 200. */
  readonly answered: () => number;
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** Asks without a pause, by each of these agents; `false` is a new connection for each request. */
export function constantLoad(url: string, agents: readonly (Agent | false)[]): Load {
  const failures: string[] = [];
  let answered = 0;
  const over = new AbortController();
  const asking = agents.map(async (agent) => {
    while (!over.signal.aborted) {
      try {
        const status = await ask(url, { agent });
        if (status === 200) answered += 1;
        else failures.push(String(status));
      } catch (error) {
        failures.push(error instanceof Error && 'code' in error ? String(error.code) : String(error));
      }
    }
  });
  return {
    answered: () => answered,
    failures,
    async stop() {
      over.abort();
      await Promise.all(asking);
      for (const agent of agents) if (agent !== false) agent.destroy();
    },
  };
}
