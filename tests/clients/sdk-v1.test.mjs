// The first generation of the SDK, which supports revisions up to 2025-11-25, with a bearer token.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { mcpUrl, required } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

test("@modelcontextprotocol/sdk lists and calls the tools", { timeout: 30_000 }, async () => {
  const client = new Client({ name: "doorward-client-test", version: "1.0.0" });
  const errors = [];
  client.onerror = (error) => errors.push(error);
  const headers = { Authorization: `Bearer ${required("MCP_TOKEN")}` };
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl()), { requestInit: { headers } });
  try {
    await client.connect(transport);
    assert.equal(transport.protocolVersion, "2025-11-25");
    assert.equal(transport.sessionId, undefined, "the server starts no session");
    await client.ping();
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), toolNames);
    for (const name of toolNames) {
      checkResult(name, await client.callTool({ name, arguments: argumentsOf(name) }));
    }
  } finally {
    await client.close();
  }
  assert.deepEqual(errors, [], "the client reported no errors");
});
