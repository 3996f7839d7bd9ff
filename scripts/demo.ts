/** `npm run demo`: everything that it takes to see the proxy at work, on this machine only. */
import { parseArgs } from 'node:util';
import { clientSetup } from '../src/pages/client-setup.ts';
import { type Demo, type DemoOptions, startDemo } from './start-demo.ts';

const usage = `Usage: npm run demo -- [--fresh] [--verbose]

Runs the proxy with a sample identity provider and a sample MCP server, and keeps running.

  --fresh     forget what earlier demos stored
  --verbose   print what happens, not only warnings

PORT (default 8080) and DATA_DIR (default ./data/demo) are read from the environment.`;

function readOptions(): DemoOptions | 'help' {
  const { values } = parseArgs({
    options: {
      fresh: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const { PORT: port = '8080', DATA_DIR: dataDir = './data/demo' } = process.env;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error('PORT must be a whole number from 0 to 65535. Example: 8080');
  }
  return {
    port: Number(port),
    dataDir,
    isFresh: values.fresh,
    logLevel: values.verbose ? 'info' : 'warn',
    print: (line) => console.error(line),
  };
}

function readOptionsOrExit(): DemoOptions {
  try {
    const options = readOptions();
    if (options !== 'help') return options;
    console.log(usage);
    return process.exit(0);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : 'unknown failure'}\n\n${usage}`);
    return process.exit(2);
  }
}

function describeDemo(demo: Demo, options: DemoOptions): string {
  const setup = clientSetup('demo', demo.mcpUrl);
  const isElsewhere = demo.baseUrl !== 'http://localhost:8080';
  const cursor = JSON.stringify({ mcpServers: { [setup.name]: { url: demo.mcpUrl } } });
  return `
  The demo is running. Connect an MCP client to

      ${demo.mcpUrl}

  Or watch one from a second shell:

      npm run try -- ${isElsewhere ? `${demo.mcpUrl} ` : ''}--auto

  Claude Code      ${setup.claudeCode}
                   then type /mcp in Claude Code, and choose ${setup.name} to sign in
  VS Code          ${setup.vsCode}
  Cursor           ${cursor}
                   in ~/.cursor/mcp.json, or open ${setup.cursorLink}
  MCP Inspector    ${setup.inspector}
  Others           ${demo.baseUrl} in a browser says how

  What runs here:
    ${demo.baseUrl.padEnd(28)} the proxy; its database is in ${options.dataDir}
    ${demo.issuer.padEnd(28)} a sample identity provider: any name and e-mail address will do
    ${demo.mcpServerUrl.padEnd(28)} a sample MCP server: whoami, countdown, counter, echo

  Ctrl-C ends it.
`;
}

/** Lets open answers finish. A terminal and the programs between may each send the signal: one is enough. */
function stopOnSignals(demo: Demo): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    demo.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error('The demo did not stop cleanly:', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

const options = readOptionsOrExit();
try {
  console.log('  Starting …');
  const demo = await startDemo(options);
  stopOnSignals(demo);
  if (options.port !== 0 && !demo.baseUrl.endsWith(`:${options.port}`)) {
    console.log(`\n  Port ${options.port} is taken: this demo takes a free one.`);
  }
  console.log(describeDemo(demo, options));
} catch (error) {
  const reason = error instanceof Error ? error.message : 'unknown failure';
  const hint = /is using the data directory/.test(reason) ? '\nIs another demo running already?' : '';
  console.error(`The demo cannot start: ${reason}${hint}`);
  process.exit(1);
}
