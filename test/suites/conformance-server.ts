/** The MCP server that the conformance runner meets, directly and behind the proxy. */
import {
  type EventStore,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { type ServedMcp, serveMcp } from '../../scripts/serve-mcp.ts';
import { createConformanceServer } from './conformance-tools.ts';

/** It refuses requests of rebound names and of foreign pages, and its streams can be resumed. */
export async function startConformanceServer(): Promise<ServedMcp> {
  return serveMcp({
    create: createConformanceServer,
    screen: (request) =>
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins()),
    sessions: { eventStore: createEventStore(), retryInterval: 500 },
  });
}

/** Events are numbered, and belong to the stream that is named before the number. */
function createEventStore(): EventStore {
  type Message = Parameters<EventStore['storeEvent']>[1];
  const events: { readonly id: string; readonly streamId: string; readonly message: Message }[] = [];
  return {
    async storeEvent(streamId, message) {
      const id = `${streamId}#${events.length}`;
      events.push({ id, streamId, message });
      return id;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const [streamId = ''] = lastEventId.split('#', 1);
      const position = events.findIndex(({ id }) => id === lastEventId);
      for (const event of events.slice(position + 1)) {
        const isEmpty = Object.keys(event.message).length === 0;
        if (event.streamId === streamId && !isEmpty) await send(event.id, event.message);
      }
      return streamId;
    },
  };
}
