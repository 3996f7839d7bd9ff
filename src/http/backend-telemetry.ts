/** Times and traces calls to the MCP server. */
import type { ObservedCall } from '../proxy/passage.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** What the proxy tells of each call; undefined where nobody wants to know. */
export function backendTelemetry(
  telemetry: Telemetry | undefined,
): ((method: string) => ObservedCall) | undefined {
  if (telemetry === undefined) return undefined;
  const { metrics, tracing } = telemetry;
  return (method) => {
    const startedAt = performance.now();
    const call = tracing?.startCall(`${method} MCP server`, { 'http.request.method': method });
    const observe = (status: string): void =>
      metrics?.backend.observe({ status }, (performance.now() - startedAt) / 1000);
    let isOver = false;
    const once = (end: () => void): void => {
      if (!isOver) end();
      isOver = true;
    };
    return {
      headers: call?.headers,
      answered: (status) =>
        once(() => {
          observe(`${Math.floor(status / 100)}xx`);
          call?.span.set({ 'http.response.status_code': status });
          call?.span.end(status >= 500 ? String(status) : undefined);
        }),
      failed: () =>
        once(() => {
          observe('failed');
          call?.span.end('failed');
        }),
      left: () =>
        once(() => {
          observe('left');
          call?.span.end('left');
        }),
    };
  };
}
