/** The limit of time for a provider's answer holds, whatever the garbage collector does meanwhile. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { createBoundedFetch } from '../../src/identity/bounded-fetch.ts';
import { ProviderUnavailableError } from '../../src/identity/identity-provider.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Takes connections, and never says a word. */
async function startSilentServer(): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
}

test.each([
  ['alone', undefined],
  ['beside a signal of the caller', new AbortController().signal],
])('an answer that does not come is given up, %s', async (_name, signal) => {
  const url = await startSilentServer();
  const limits = { fetch, timeoutMs: 300, maxBytes: 1024, allowsLoopback: true };
  const asked = createBoundedFetch(limits)(url, signal === undefined ? {} : { signal });
  const collecting = setInterval(collectGarbage, 20);
  onTestFinished(() => clearInterval(collecting));
  await expect(asked).rejects.toThrow(ProviderUnavailableError);
});

test('the signal of the caller ends it as well', async () => {
  const controller = new AbortController();
  const url = await startSilentServer();
  const limits = { fetch, timeoutMs: 60_000, maxBytes: 1024, allowsLoopback: true };
  const asked = createBoundedFetch(limits)(url, { signal: controller.signal });
  controller.abort();
  await expect(asked).rejects.toThrow(ProviderUnavailableError);
});
