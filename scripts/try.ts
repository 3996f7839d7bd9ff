/** `npm run try`: a real MCP client walks the whole way through a running proxy, and says what happens. */
import { parseArgs } from 'node:util';
import { tryProxy } from './try-proxy.ts';

const usage = `Usage: npm run try -- [url] [--auto] [--name NAME] [--email E-MAIL]

  url      the MCP server's public address (default http://localhost:8080/mcp)
  --auto   walk the consent and sign-in pages without a browser (works with the demo's identity provider)
  --name, --email   who signs in with --auto`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      auto: { type: 'boolean', default: false },
      name: { type: 'string', default: 'Ada Lovelace' },
      email: { type: 'string', default: 'ada@example.com' },
      help: { type: 'boolean', default: false },
    },
  });
  const [url = 'http://localhost:8080/mcp'] = positionals;
  if (values.help) {
    console.log(usage);
  } else if (!URL.canParse(url)) {
    console.error(`'${url}' is not a URL.\n\n${usage}`);
    process.exitCode = 2;
  } else {
    const hasPassed = await tryProxy({ url, ...values, print: (line) => console.log(line) });
    process.exitCode = hasPassed ? 0 : 1;
  }
} catch (error) {
  console.error(`${error instanceof Error ? error.message : 'unknown failure'}\n\n${usage}`);
  process.exitCode = 2;
}
