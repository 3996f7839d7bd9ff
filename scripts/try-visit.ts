/** How the person of `npm run try` gets through consent and sign-in: by hand in a browser, or by a script. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type Person, ScriptedBrowser } from './scripted-browser.ts';

export interface Visit {
  readonly redirectUri: string;
  /** Returns where the client was sent back to, with the answer in its query. */
  visit(authorizationUrl: URL): Promise<URL>;
  close(): Promise<void>;
}

export async function visitAutomatically(person: Person): Promise<Visit> {
  const redirectUri = 'http://127.0.0.1:33418/callback';
  return {
    redirectUri,
    visit: async (url) => new ScriptedBrowser().connect(url.href, { ...person, redirectUri }),
    close: async () => undefined,
  };
}

/** Listens on loopback for the answer, and opens the system's browser; the address is printed as well. */
export async function visitInBrowser(print: (line: string) => void): Promise<Visit> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;
  return {
    redirectUri: `${origin}/callback`,
    async visit(url) {
      print(`  Open this address to approve and sign in:\n    ${url.href}`);
      openInBrowser(url.href);
      return new Promise((resolve) => {
        server.on('request', (request, response) => {
          const returned = new URL(request.url ?? '/', origin);
          response.setHeader('content-type', 'text/plain; charset=utf-8');
          if (returned.pathname !== '/callback') {
            response.writeHead(404).end('Nothing here.');
            return;
          }
          response.end('Done. You can close this page and go back to the terminal.');
          resolve(returned);
        });
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A machine without a browser is fine: the address was printed. */
function openInBrowser(url: string): void {
  const [command, ...args] = { darwin: ['open'], win32: ['explorer.exe'] }[process.platform as string] ?? [
    'xdg-open',
  ];
  if (command === undefined) return;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
