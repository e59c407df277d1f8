// The first generation of the SDK, which supports revisions up to 2025-11-25, with a bearer token.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { mcpUrl, newcomer, required } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

/** Connects a client with these capabilities, and returns it with its transport and the errors that it reports. */
async function connect(token, capabilities) {
  const client = new Client({ name: "doorward-client-test", version: "1.0.0" }, { capabilities });
  const errors = [];
  client.onerror = (error) => errors.push(error);
  const headers = { Authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl()), { requestInit: { headers } });
  await client.connect(transport);
  return { client, transport, errors };
}

test("@modelcontextprotocol/sdk lists and calls the tools", { timeout: 30_000 }, async () => {
  const { client, transport, errors } = await connect(required("MCP_TOKEN"), {});
  try {
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

test("a client that can open URLs is in a session, and is asked to connect the account", { timeout: 30_000 }, async () => {
  const { client, transport, errors } = await connect(newcomer().token, { elicitation: { form: {}, url: {} } });
  try {
    assert.match(transport.sessionId, /^[\w-]+$/);
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), toolNames);
    await assert.rejects(client.callTool({ name: "calendar_summary", arguments: {} }), (error) => {
      assert.equal(error.code, -32042);
      const [{ mode, url, elicitationId }] = error.elicitations;
      assert.equal(mode, "url");
      assert.match(url, /\/connect\/google-oauth2\?ticket=/);
      assert.ok(elicitationId);
      return true;
    });
    await transport.terminateSession();
  } finally {
    await client.close();
  }
  assert.deepEqual(errors, [], "the client reported no errors");
});
