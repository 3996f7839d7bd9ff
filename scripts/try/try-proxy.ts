/** Walks an MCP client through everything that a running proxy does, and prints a line for each step. */
import { connect, refresh, revoke } from './calls.ts';
import { describeExchange } from './describe-exchange.ts';
import { explainFailure, TryError } from './explain-failure.ts';
import { MemoryAuthProvider } from './memory-auth-provider.ts';
import { createRecordedFetch } from './recorded-fetch.ts';
import { discover, signIn } from './sign-in.ts';
import type { Visit } from './visit.ts';
import { createClient, type Walk } from './walk.ts';

const answerTimeoutMs = 30_000;
const titleWidth = 30;

/** @returns whether every step worked; the first that does not is the last */
export async function tryProxy(url: URL, visit: Visit, print: (line: string) => void): Promise<boolean> {
  const wire = createRecordedFetch(answerTimeoutMs);
  const client = createClient();
  const tell: Walk['tell'] = (exchange, fields = []) => describeExchange(exchange, url, fields);
  let current = '';
  const step: Walk['step'] = async (title, work) => {
    current = title.padEnd(titleWidth);
    const [told, result] = await work();
    print(`✓ ${current}${told}`);
    return result;
  };
  print(`Connecting to ${url.href}\n`);
  try {
    const provider = new MemoryAuthProvider('npm run try', visit.redirectUri);
    await walk({ url, visit, provider, wire, client, step, tell });
    print('\nEvery step worked.');
    return true;
  } catch (error) {
    const last = (error instanceof TryError && error.exchange) || wire.exchanges.at(-1);
    print(`✗ ${current}${last === undefined ? '' : tell(last)}`);
    print(`\n${explainFailure(error, { url, last })}`);
    return false;
  } finally {
    await client.close();
  }
}

async function walk(all: Walk): Promise<void> {
  await discover(all);
  await signIn(all);
  await connect(all);
  await refresh(all);
  await revoke(all);
}
