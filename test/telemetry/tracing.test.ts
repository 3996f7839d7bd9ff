/** Traces go through the proxy, from the client to the MCP server, and tell no secrets (W3C Trace Context). */
import { expect, onTestFinished, test } from 'vitest';
import { type Arrived, startTestApp, type TestApp } from '../support/app.ts';
import { ada, authorize, redeem, register } from '../support/authorize.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const clientSpan = 'b7ad6b7169203331';
const sampled = `00-${traceId}-${clientSpan}-01`;
const notSampled = `00-${traceId}-${clientSpan}-00`;

async function start(
  environment: Readonly<Record<string, string>> = {},
  status = 200,
): Promise<{ proxy: TestApp; collector: TraceCollector; token: string; secrets: readonly string[] }> {
  const collector = await startTraceCollector(status);
  const proxy = await startTestApp({
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...environment },
  });
  onTestFinished(async () => {
    await proxy.close();
    await collector.close();
  });
  const client = await register(proxy);
  const authorization = await authorize(proxy, client);
  const tokens = (await redeem(proxy, client, authorization)).json();
  const secrets = [authorization.code, authorization.codeVerifier, tokens.access_token, tokens.refresh_token];
  return { proxy, collector, token: tokens.access_token, secrets };
}

async function call({ proxy, token }: { proxy: TestApp; token: string }, headers: Record<string, string>) {
  const answer = await proxy.send({
    method: 'POST',
    url: '/mcp?q=secret-query',
    headers: { authorization: `Bearer ${token}`, ...headers },
    payload: '{}',
  });
  return answer.json<Arrived>().headers;
}

test('a call is a child of the client’s span, and the MCP server’s is a child of ours', async () => {
  const started = await start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector' });
  const arrived = await call(started, { traceparent: sampled, tracestate: 'vendor=1' });
  await started.proxy.app.close();

  const spans = started.collector.spans.filter((span) => span.traceId === traceId);
  const request = spans.find(({ name }) => name === 'POST mcp');
  const backend = spans.find(({ name }) => name === 'POST MCP server');
  expect(request?.parentSpanId).toBe(clientSpan);
  expect(backend?.parentSpanId).toBe(request?.spanId);
  expect(arrived['traceparent']).toBe(`00-${traceId}-${backend?.spanId}-01`);
  expect(arrived['tracestate']).toBe('vendor=1');
  expect(started.collector.authorizations[0]).toBe('Bearer collector');
});

test('steps of a sign-in have the database and the provider in them, also after a body was read', async () => {
  const { proxy, collector } = await start();
  await proxy.app.close();

  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  const [callback] = named('GET callback');
  const [token] = named('POST token');
  expect(named('identity provider oauth sign_in')[0]?.parentSpanId).toBe(callback?.spanId);
  expect(collector.spans.filter(({ parentSpanId }) => parentSpanId === token?.spanId)).not.toEqual([]);
});

test('no code, token, query, e-mail or name is in what is sent', async () => {
  const started = await start();
  await call(started, { traceparent: sampled });
  await started.proxy.app.close();

  const sent = started.collector.bytes();
  expect(sent).toContain('POST mcp');
  for (const secret of [
    ...started.secrets,
    'secret-query',
    ada.email ?? '',
    ada.name ?? '',
    'client.example',
  ])
    expect(sent).not.toContain(secret);
});

test('a stranger’s flag or id does not decide what is recorded', async () => {
  const none = await start({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
  expect((await call(none, { traceparent: sampled, tracestate: 'v=1' }))['traceparent']).toBe(sampled);
  await none.proxy.app.close();
  expect(none.collector.spans).toEqual([]);

  // An id that every ratio would let through.
  const few = await start({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.0000000001' });
  await call(few, { traceparent: `00-${'0'.repeat(31)}1-${clientSpan}-01` });
  await few.proxy.app.close();
  expect(few.collector.spans).toEqual([]);
});

test('with TRACE_TRUST_SAMPLING the caller’s flag decides', async () => {
  const started = await start({
    TRACE_TRUST_SAMPLING: 'true',
    OTEL_TRACES_SAMPLER: 'parentbased_always_off',
  });
  await call(started, { traceparent: notSampled });
  await call(started, { traceparent: sampled });
  await started.proxy.app.close();
  expect(started.collector.spans.filter(({ name }) => name === 'POST mcp')).toHaveLength(1);
});

test.each([
  'nonsense',
  `ff-${traceId}-${clientSpan}-01`,
  `00-${'0'.repeat(32)}-${clientSpan}-01`,
  `${sampled}-x`,
])('a traceparent that cannot be read is none: %s (W3C Trace Context §3.2.2)', async (traceparent) => {
  const started = await start();
  const arrived = await call(started, { traceparent, tracestate: 'v=1' });
  expect(arrived['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(arrived['traceparent']).not.toContain(traceId);
});

test('a collector that fails harms no request, and is named once in the log', async () => {
  const started = await start({}, 400);
  expect(await call(started, {})).toBeDefined();
  await started.proxy.app.close();
  expect(started.proxy.log.filter((line) => line.includes('traces cannot be sent'))).toHaveLength(1);
});

test('log lines of a traced request have its trace_id', async () => {
  const started = await start();
  await call(started, { traceparent: sampled });
  const line = started.proxy.log.map((text) => JSON.parse(text)).find(({ trace_id }) => trace_id === traceId);
  expect(line).toMatchObject({ trace_id: traceId });
});

test('without OpenTelemetry the client’s trace passes as it came', async () => {
  const started = await start({ OTEL_SDK_DISABLED: 'true' });
  const arrived = await call(started, { traceparent: sampled, tracestate: 'vendor=1' });
  expect(arrived).toMatchObject({ traceparent: sampled, tracestate: 'vendor=1' });
  await started.proxy.app.close();
  expect(started.collector.spans).toEqual([]);
});
