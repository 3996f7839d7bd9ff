/** An MCP server with everything that the conformance runner calls by name: its tools, resources and prompts. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type ElicitRequestFormParams,
  fromJsonSchema,
  type GetPromptResult,
  inputRequired,
  type InputRequests,
  type InputRequiredResult,
  type McpHttpHandler,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { readCaller } from '../../scripts/sample-mcp-tools.ts';

/** One red pixel. */
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** Two silent samples. */
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

const nothing = z.object({});

/** What a client brings back unchanged: sealed, because it could be changed on the way (MCP SEP-2322). */
const states = createRequestStateCodec<{ readonly round: number }>({
  key: crypto.getRandomValues(new Uint8Array(32)),
});

type Notify = McpHttpHandler['notify'];
type Result = CallToolResult | InputRequiredResult;

export function createConformanceServer(notify: Notify): McpServer {
  const server = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: states.verify },
    },
  );
  addContentTools(server);
  addCallerTool(server);
  addTalkingTools(server);
  addAskingTools(server);
  addInputTools(server);
  addChangeTools(server, notify);
  addSchemaTools(server);
  addResources(server);
  addPrompts(server);
  server.server.setRequestHandler('logging/setLevel', () => ({}));
  server.server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['Paris', 'Prague'], total: 2, hasMore: false },
  }));
  return server;
}

const say = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });

const embedded = (uri: string, mimeType: string, content: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: content } }) as const;

const image = { type: 'image', data: png, mimeType: 'image/png' } as const;

function addContentTools(server: McpServer): void {
  const contents: Readonly<Record<string, CallToolResult['content']>> = {
    test_simple_text: [{ type: 'text', text: 'This is a simple text response for testing.' }],
    test_image_content: [image],
    test_audio_content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }],
    test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'Embedded.')],
    test_multiple_content_types: [
      { type: 'text', text: 'Text, an image and a resource:' },
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  };
  for (const [name, content] of Object.entries(contents)) {
    server.registerTool(name, { description: 'Answers with fixed content.' }, () => ({ content }));
  }
  server.registerTool('test_error_handling', { description: 'Fails.' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
}

/** Says who is calling, as the proxy says. */
function addCallerTool(server: McpServer): void {
  server.registerTool('whoami', { description: 'Who is calling.', inputSchema: nothing }, (_args, { http }) =>
    say(JSON.stringify(readCaller(http?.req?.headers ?? new Headers()))),
  );
}

/** Tools that say something before they answer. */
function addTalkingTools(server: McpServer): void {
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs three times.', inputSchema: nothing },
    async (_args, { mcpReq }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
        await wait(20);
      }
      return say('logged');
    },
  );
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs if the request wants it.', inputSchema: nothing },
    async (_args, { mcpReq }) => {
      await mcpReq.log('info', 'only for those who asked');
      return say('logged');
    },
  );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports progress three times.', inputSchema: nothing },
    async (_args, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken === undefined) return say('nobody listens');
      for (const progress of [0, 50, 100]) {
        const params = { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` };
        await mcpReq.notify({ method: 'notifications/progress', params });
        await wait(20);
      }
      return say(String(progressToken));
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Closes its stream, and answers on the next one.', inputSchema: nothing },
    async (_args, { http }) => {
      http?.closeSSE?.();
      await wait(100);
      return say('reconnected');
    },
  );
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Answers, and asks nothing.', inputSchema: nothing },
    () => say('done'),
  );
}

/** Tools that ask the client over its open session (up to 2025-11-25). */
function addAskingTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the client’s model.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const content = { type: 'text', text: prompt } as const;
      const params = { messages: [{ role: 'user' as const, content }], maxTokens: 100 };
      const answer = await mcpReq.send({ method: 'sampling/createMessage', params });
      return say(`LLM response: ${JSON.stringify(answer)}`);
    },
  );
  const ask = async ({ mcpReq }: ServerContext, message: string, properties: Properties) => {
    const requestedSchema = { type: 'object' as const, properties };
    const answer = await mcpReq.send({ method: 'elicitation/create', params: { message, requestedSchema } });
    return say(`Elicitation completed: ${JSON.stringify(answer)}`);
  };
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the person.', inputSchema: z.object({ message: z.string() }) },
    async ({ message }, context) => ask(context, message, { response: { type: 'string' } }),
  );
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks with defaults.', inputSchema: nothing },
    async (_args, context) => ask(context, 'Is this right?', defaults),
  );
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks with every form of choice.', inputSchema: nothing },
    async (_args, context) => ask(context, 'What will it be?', choices),
  );
}

type Properties = ElicitRequestFormParams['requestedSchema']['properties'];

/** MCP SEP-1034 */
const defaults: Properties = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

const titled = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
  { const: 'value3', title: 'Third' },
];
const plain = ['option1', 'option2', 'option3'];

/** MCP SEP-1330 */
const choices: Properties = {
  untitledSingle: { type: 'string', enum: plain },
  titledSingle: { type: 'string', oneOf: titled },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
  untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: plain } },
  titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled } },
};

const askFor = (name: string, asked: Properties[string] = { type: 'string' }) =>
  inputRequired.elicit({
    message: `What is your ${name}?`,
    requestedSchema: { type: 'object', properties: { [name]: asked }, required: [name] },
  });
const askModel = () =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: 'Say hello.' } }],
    maxTokens: 50,
  });

/** Tools that answer with what they still need, and are called again with it (since 2026-07-28, MCP SEP-2322). */
function addInputTools(server: McpServer): void {
  const register = (
    name: string,
    inputs: (context: ServerContext) => InputRequests,
    answer: (responses: Readonly<Record<string, unknown>>) => CallToolResult | undefined,
    isSealed = false,
  ) =>
    server.registerTool(
      name,
      { description: 'Asks for input first.', inputSchema: nothing },
      async (_args, context): Promise<Result> => {
        const responses = context.mcpReq.inputResponses;
        const answered = responses === undefined ? undefined : answer(responses);
        const isComplete = !isSealed || context.mcpReq.requestState() !== undefined;
        if (answered !== undefined && isComplete) return answered;
        const inputRequests = inputs(context);
        if (Object.keys(inputRequests).length === 0) return say('This client can be asked nothing.');
        const requestState = isSealed ? { requestState: await states.mint({ round: 1 }) } : {};
        return inputRequired({ inputRequests, ...requestState });
      },
    );
  const nameIn = (responses: Readonly<Record<string, unknown>>) =>
    acceptedContent(responses, 'user_name', z.object({ name: z.string() }))?.name;
  const confirmed = (text: string) => (responses: Readonly<Record<string, unknown>>) =>
    acceptedContent(responses, 'confirm') === undefined ? undefined : say(text);

  register(
    'test_input_required_result_elicitation',
    () => ({ user_name: askFor('name') }),
    (responses) => {
      const name = nameIn(responses);
      return name === undefined ? undefined : say(`Hello, ${name}!`);
    },
  );
  register(
    'test_input_required_result_sampling',
    () => ({ capital_question: askModel() }),
    ({ capital_question }) =>
      capital_question === undefined ? undefined : say(JSON.stringify(capital_question)),
  );
  register(
    'test_input_required_result_list_roots',
    () => ({ client_roots: inputRequired.listRoots() }),
    ({ client_roots }) => (client_roots === undefined ? undefined : say(JSON.stringify(client_roots))),
  );
  register(
    'test_input_required_result_request_state',
    () => ({ confirm: askFor('ok', { type: 'boolean' }) }),
    confirmed('state-ok'),
    true,
  );
  register(
    'test_input_required_result_tampered_state',
    () => ({ confirm: askFor('ok', { type: 'boolean' }) }),
    confirmed('integrity-ok'),
    true,
  );
  const everything = () => ({
    user_name: askFor('name'),
    greeting: askModel(),
    client_roots: inputRequired.listRoots(),
  });
  register(
    'test_input_required_result_multiple_inputs',
    everything,
    (responses) =>
      Object.keys(everything()).every((key) => key in responses)
        ? say(`Hello, ${nameIn(responses) ?? ''}`)
        : undefined,
    true,
  );
  register(
    'test_input_required_result_capabilities',
    ({ mcpReq }) => {
      const envelope = mcpReq.envelope as
        Readonly<Record<string, ClientCapabilities | undefined>> | undefined;
      const declared = envelope?.[CLIENT_CAPABILITIES_META_KEY];
      return {
        ...(declared?.elicitation !== undefined && { user_name: askFor('name') }),
        ...(declared?.sampling !== undefined && { greeting: askModel() }),
        ...(declared?.roots !== undefined && { client_roots: inputRequired.listRoots() }),
      };
    },
    () => say('asked, and answered'),
  );
  register(
    'test_missing_capability',
    () => ({ llm_answer: askModel() }),
    ({ llm_answer }) => (llm_answer === undefined ? undefined : say('answered')),
  );
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks twice.', inputSchema: nothing },
    async (_args, { mcpReq }): Promise<Result> => {
      const round = mcpReq.requestState<{ readonly round: number }>()?.round ?? 0;
      if (round === 2) return say('asked twice');
      const inputRequests = round === 0 ? { step1: askFor('name') } : { step2: askFor('color') };
      return inputRequired({ inputRequests, requestState: await states.mint({ round: round + 1 }) });
    },
  );
}

/**
 * Tools that tell all who listen that a list has changed: since 2026-07-28 over their subscriptions (MCP SEP-2575),
 * before that over the session's own stream.
 */
function addChangeTools(server: McpServer, notify: Notify): void {
  const register = (name: string, tellSession: () => void, tellSubscribers: () => void) =>
    server.registerTool(
      name,
      { description: 'Says that a list changed.', inputSchema: nothing },
      (_args, context) => {
        if (context.sessionId === undefined) tellSubscribers();
        else tellSession();
        return say('told');
      },
    );
  register(
    'test_trigger_tool_change',
    () => server.sendToolListChanged(),
    () => notify.toolsChanged(),
  );
  register(
    'test_trigger_prompt_change',
    () => server.sendPromptListChanged(),
    () => notify.promptsChanged(),
  );
}

const inHeader = { type: 'string', 'x-mcp-header': 'Region' } as const;

/** Tools whose schema has to arrive as it is written. */
function addSchemaTools(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Has a schema with the words of JSON Schema 2020-12.',
      inputSchema: fromJsonSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: {
          name: { type: 'string' },
          address: { $ref: '#/$defs/address' },
          contactMethod: { type: 'string', enum: ['phone', 'email'] },
          phone: { type: 'string' },
          email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
      }),
    },
    (args) => say(JSON.stringify(args)),
  );
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'Wants an argument also as a header, Mcp-Param-Region (MCP SEP-2243).',
      inputSchema: fromJsonSchema<{ region?: string }>({
        type: 'object',
        properties: { region: inHeader, level: { type: 'integer' } },
      }),
    },
    ({ region }) => say(`region=${region ?? ''}`),
  );
}

function addResources(server: McpServer): void {
  const texts: Readonly<Record<string, string>> = {
    'test://static-text': 'This is the content of the static text resource.',
    'test://watched-resource': 'Watched.',
  };
  for (const [uri, text] of Object.entries(texts)) {
    const mimeType = 'text/plain';
    const config = { description: 'A text.', mimeType };
    server.registerResource(uri.slice('test://'.length), uri, config, () => ({
      contents: [{ uri, mimeType, text }],
    }));
  }
  const binary = 'test://static-binary';
  server.registerResource(
    'static-binary',
    binary,
    { description: 'A picture.', mimeType: image.mimeType },
    () => ({
      contents: [{ uri: binary, mimeType: image.mimeType, blob: png }],
    }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'Its id, back.', mimeType: 'application/json' },
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

function addPrompts(server: McpServer): void {
  const messages = (...contents: GetPromptResult['messages'][number]['content'][]): GetPromptResult => ({
    messages: contents.map((content) => ({ role: 'user', content })),
  });
  const text = (value: string) => ({ type: 'text', text: value }) as const;
  const description = 'A prompt.';
  server.registerPrompt('test_simple_prompt', { description }, () =>
    messages(text('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description, argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    ({ arg1, arg2 }) => messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description, argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => messages(embedded(resourceUri, 'text/plain', 'Embedded.'), text('Please read it.')),
  );
  server.registerPrompt('test_prompt_with_image', { description }, () =>
    messages(image, text('Please look at it.')),
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description, argsSchema: nothing },
    (_args, { mcpReq }): GetPromptResult | InputRequiredResult => {
      const shape = z.object({ context: z.string() });
      const answer = acceptedContent(mcpReq.inputResponses, 'user_context', shape);
      if (answer !== undefined) return messages(text(`In the context of ${answer.context}`));
      return inputRequired({ inputRequests: { user_context: askFor('context') } });
    },
  );
}
