// A model that calls each of Doorward's tools once. It speaks the three formats of the agents that
// are tested: OpenAI's Responses and Chat Completions, and Gemini's.

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { argumentsOf, toolNames } from "./tools.mjs";

const DONE = "All tools were called.";

/**
 * Starts the model. `results` has what the agent told it of each call, by the tool's name. It
 * answers at once, or begins to think for some milliseconds before its next answer. It runs until
 * `stop` is called.
 */
export async function startModel() {
  const results = new Map();
  let thought = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const format = formats.find(({ path }) => path.test(request.url));
    if (!format) return response.writeHead(404).end();
    const message = JSON.parse(body);
    for (const { name, output } of format.results(message)) results.set(name, output);
    const tools = format.tools(message).map((tool) => ({ ...tool, bare: bareName(tool.name) }));
    const next = tools.find(({ bare }) => bare && !results.has(bare));
    await delay(thought);
    thought = 0;
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of next ? format.call(next, argumentsOf(next.bare)) : format.end()) {
      response.write(`${event.type ? `event: ${event.type}\n` : ""}data: ${JSON.stringify(event)}\n\n`);
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  const thinks = (milliseconds) => void (thought = milliseconds);
  return { url: `http://127.0.0.1:${server.address().port}`, results, thinks, stop };
}

/** The tool's name without what an agent puts before it. */
function bareName(name) {
  return toolNames.find((known) => name === known || new RegExp(`[-_]${known}$`).test(name));
}

/** The text of a result, which may be in parts. */
function text(output) {
  return typeof output === "string" ? output : output.map(({ text }) => text).join("\n");
}

const responses = {
  path: /\/responses$/,
  tools: ({ tools = [] }) =>
    tools.flatMap(({ type, name, tools }) => {
      if (type === "namespace") return tools.map((tool) => ({ name: tool.name, namespace: name }));
      return type === "function" ? [{ name }] : [];
    }),
  results: ({ input }) =>
    input
      .filter(({ type }) => type === "function_call_output")
      .map(({ call_id: name, output }) => ({ name, output: text(output) })),
  call: ({ bare, name, namespace }, input) =>
    responses.events({ type: "function_call", call_id: bare, name, namespace, arguments: JSON.stringify(input) }),
  end: () =>
    responses.events({ type: "message", role: "assistant", content: [{ type: "output_text", text: DONE }] }),
  events: (item) => [
    { type: "response.created", response: { id: "response" } },
    { type: "response.output_item.done", output_index: 0, item: { id: "item", ...item } },
    {
      type: "response.completed",
      response: { id: "response", output: [item], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } },
    },
  ],
};

const chatCompletions = {
  path: /\/chat\/completions$/,
  tools: ({ tools = [] }) => tools.map((tool) => ({ name: tool.function.name })),
  results: ({ messages }) =>
    messages
      .filter(({ role }) => role === "tool")
      .map(({ tool_call_id: name, content }) => ({ name, output: text(content) })),
  call: ({ bare, name }, input) => {
    const call = { index: 0, id: bare, type: "function", function: { name, arguments: JSON.stringify(input) } };
    return chatCompletions.events({ role: "assistant", tool_calls: [call] }, "tool_calls");
  },
  end: () => chatCompletions.events({ role: "assistant", content: DONE }, "stop"),
  events: (delta, finish_reason) => {
    const chunk = { id: "chat", object: "chat.completion.chunk", created: 0, model: "stub" };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    return [
      { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }], usage },
    ];
  },
};

const gemini = {
  path: /:streamGenerateContent\b/,
  tools: ({ tools = [] }) => tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations),
  results: ({ contents }) =>
    contents
      .flatMap(({ parts = [] }) => parts)
      .flatMap(({ functionResponse: it }) => (it ? [{ name: bareName(it.name), output: it.response.output }] : [])),
  call: ({ name }, args) => gemini.events({ functionCall: { name, args } }),
  end: () => gemini.events({ text: DONE }),
  events: (part) => [
    {
      candidates: [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    },
  ],
};

const formats = [responses, chatCompletions, gemini];
