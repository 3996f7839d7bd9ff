/** `doctor` as operators run it: the npm script, and its exit status. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, startSite } from '../doctor/site.ts';
import { run } from './support.ts';

const script = 'scripts/doctor.ts';
let cwd: string;
let running: Running;
beforeAll(async () => {
  cwd = await mkdtemp(`${tmpdir()}/mcp-doctor-cwd-`);
  running = await startSite('http://localhost:0');
});
afterAll(async () => {
  await running.close();
  await rm(cwd, { recursive: true });
});

describe('doctor', () => {
  it('ends with 0 when nothing is wrong, without colours in a pipe', async () => {
    const { code, stdout, stderr } = await run(script, ['--idle', '1'], { cwd, env: running.environment });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Nothing wrong was found.');
    expect(stdout).not.toContain('\u001B');
  });

  it('checks an address without any configuration, and prints JSON', async () => {
    const { code, stdout } = await run(script, ['--url', `http://localhost:${running.port}/mcp`, '--json'], {
      cwd,
    });

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ findings: [], passed: expect.any(Array) });
  });

  it('ends with 1 when there are errors, and says what, whom it hurts, and the way out', async () => {
    const { code, stdout } = await run(script, [], { cwd, env: {} });

    expect(code).toBe(1);
    expect(stdout).toMatch(
      /✗ .*\[config\.invalid\]\n {6}MCP_SERVER_URL .*\n(?:.*\n)* {6}Hurts: .*\n {6}Fix: {3}/,
    );
  });

  it('ends with 2 when the command line is wrong', async () => {
    const { code, stderr } = await run(script, ['--url', 'ftp://x'], { cwd });

    expect(code).toBe(2);
    expect(stderr).toContain('--url must be an http or https URL');
  });
});
