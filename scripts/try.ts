/** `npm run try`: a real MCP client walks the whole way through a running proxy, and says what happens. */
import { parseArgs } from 'node:util';
import { tryProxy } from './try/try-proxy.ts';
import { visitByHand, visitByScript } from './try/visit.ts';

const usage = `Usage: npm run try -- [url] [--auto] [--name NAME] [--email ADDRESS]

Connects to an MCP server behind the proxy as an MCP client does, and prints a line for each step.

  url       the address that MCP clients get. Default: http://localhost:8080/mcp
  --auto    approve and sign in by itself: for the sample identity provider of npm run demo.
            Without it, your browser opens
  --name    who signs in with --auto. Default: Ada Lovelace
  --email   who signs in with --auto. Default: ada@example.com

Ends with 0 when every step worked, 1 when one did not, 2 when the command line is wrong.`;

function readCommand() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      auto: { type: 'boolean', default: false },
      name: { type: 'string', default: 'Ada Lovelace' },
      email: { type: 'string', default: 'ada@example.com' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [url = 'http://localhost:8080/mcp', ...rest] = positionals;
  if (rest.length > 0) throw new Error(`Only one address is expected, and there is also: ${rest.join(' ')}`);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error(`${url} is not an http or https address. Example: http://localhost:8080/mcp`);
  }
  return { ...values, url: new URL(url) };
}

function readCommandOrExit(): ReturnType<typeof readCommand> {
  try {
    return readCommand();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : 'unknown failure'}\n\n${usage}`);
    return process.exit(2);
  }
}

const { url, help, auto, ...person } = readCommandOrExit();
if (help) {
  console.log(usage);
} else {
  const print = (line: string): void => console.log(line);
  const visit = auto ? visitByScript(person) : await visitByHand(print);
  const hasPassed = await tryProxy(url, visit, print);
  await visit.close();
  process.exitCode = hasPassed ? 0 : 1;
}
