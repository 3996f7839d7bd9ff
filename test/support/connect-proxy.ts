/** An HTTP proxy as companies have one: it tunnels to where it thinks a name leads, and remembers who asked for what. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ConnectProxy {
  readonly url: string;
  /** The targets of the tunnels, `host:port`, and what came with the request. */
  readonly asked: readonly { readonly target: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/** `addressOf` is the proxy's own view of DNS; undefined refuses. */
export async function startConnectProxy(
  addressOf: (hostname: string) => string | undefined,
): Promise<ConnectProxy> {
  const asked: { readonly target: string; readonly headers: IncomingHttpHeaders }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => void response.writeHead(405).end());
  server.on('connect', (request, socket: Socket) => {
    const target = request.url ?? '';
    asked.push({ target, headers: request.headers });
    sockets.add(socket);
    const { hostname, port } = new URL(`https://${target}`);
    const address = addressOf(hostname);
    if (address === undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const tunnel = connect(Number(port === '' ? 443 : port), address, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    sockets.add(tunnel);
    for (const end of [socket, tunnel]) end.on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
