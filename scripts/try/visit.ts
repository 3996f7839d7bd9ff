/** How the person of `npm run try` gets through consent and sign-in: by hand in a browser, or by a script. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Person, ScriptedBrowser, type Visited } from '../scripted-browser.ts';

export interface Visit {
  readonly redirectUri: string;
  /** Gives the person an address to open, and waits until their browser is sent back to the redirect URI. */
  go(authorizationUrl: URL): Promise<{ readonly returned: URL; readonly pages: readonly Visited[] }>;
  close(): Promise<void>;
}

/** Nothing listens at its redirect URI: the script stops just before it. */
export function visitByScript(person: Person): Visit {
  const redirectUri = 'http://127.0.0.1:33418/callback';
  return {
    redirectUri,
    async go(url) {
      const browser = new ScriptedBrowser();
      const returned = await browser.connect(url.href, { ...person, redirectUri });
      return { returned, pages: browser.history };
    },
    close: async () => undefined,
  };
}

/** Listens on loopback for the answer, and opens the system's browser; the address is printed as well. */
export async function visitByHand(print: (line: string) => void): Promise<Visit> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const returned = new Promise<URL>((resolve) => {
    server.on('request', (request, response) => {
      const target = request.url ?? '/';
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      if (!/^\/callback(\?|$)/.test(target))
        return void response.writeHead(404).end('There is nothing here.');
      response.end('Done. You can close this page and go back to the terminal.');
      return resolve(new URL(target, origin));
    });
  });
  return {
    redirectUri: `${origin}/callback`,
    async go(url) {
      print(
        `  Approve and sign in in your browser. If it does not open by itself, open this address:\n  ${url.href}\n`,
      );
      openInBrowser(url);
      return { returned: await returned, pages: [] };
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A machine without a browser is fine: the address was printed. */
function openInBrowser(url: URL): void {
  if (!/^https?:$/.test(url.protocol)) return;
  const programs: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ['open'],
    win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  };
  const [program = 'xdg-open', ...args] = programs[process.platform] ?? [];
  const child = spawn(program, [...args, url.href], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
