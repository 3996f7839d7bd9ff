/** docs/limits.md, README and .env.example name the same variables for limits, with the defaults that the program has. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readLimits } from '../../src/config-limits.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

const config: Readonly<Record<string, unknown>> = {
  ...loadConfig({
    MCP_SERVER_URL: 'http://localhost:3000/mcp',
    OAUTH_AUTHORIZE_URL: 'https://login.example.com',
    OAUTH_CLIENT_ID: 'client',
    OAUTH_CLIENT_SECRET: 'secret',
  }),
};

/** Variable, and the default that the page says. */
const rows = [...read('docs/limits.md').matchAll(/^\| [^|]* \| `(\d+)`[^|]* \| `([A-Z_]+)` \|/gm)].map(
  ([, byDefault = '', variable = '']) => [variable, byDefault] as const,
);

const camelCase = (variable: string): string =>
  variable.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

test.each(rows)(
  '%s is %s where nobody sets it, and everywhere in the documentation',
  (variable, byDefault) => {
    expect(config[camelCase(variable)]).toBe(Number(byDefault));
    const [, names, defaults] =
      new RegExp(`^\\| ([^|]*\`${variable}\`[^|]*) \\| ([^|]*) \\|`, 'm').exec(read('README.md')) ?? [];
    const place = names?.split(', ').indexOf(`\`${variable}\``) ?? -1;
    expect(defaults?.split(', ')[place]).toBe(`\`${byDefault}\``);
    expect(read('.env.example')).toMatch(new RegExp(`^# ${variable}=${byDefault}$`, 'm'));
  },
);

test('every variable for a limit is on the page', () => {
  const named = rows.map(([variable]) => camelCase(variable));
  expect(named).toEqual(expect.arrayContaining(Object.keys(readLimits({}))));
  expect(named).toEqual(
    expect.arrayContaining(['rateLimitMax', 'mcpRateLimitMax', 'rateLimitWindowSeconds']),
  );
});
