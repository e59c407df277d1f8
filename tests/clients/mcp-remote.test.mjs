// mcp-remote, which connects clients without HTTP. It closes its callback after the sign-in, so it
// cannot step up: the server names all scopes at once.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { signIn } from "./support/form-browser.mjs";
import { mcpUrl, person, tenantOrigin } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

test("mcp-remote signs in once, lists and calls the tools", { timeout: 60_000 }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), "mcp-remote-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [fileURLToPath(import.meta.resolve("mcp-remote/dist/proxy.js")), mcpUrl(), "--transport", "http-only"],
    env: { PATH: process.env.PATH, HOME: home, MCP_REMOTE_CONFIG_DIR: home, BROWSER: "true" },
    stderr: "pipe",
  });
  let [signIns, output] = [0, ""];
  // What it prints for a person without a browser.
  transport.stderr.setEncoding("utf8").on("data", async (text) => {
    output += text;
    const [, start] = /visiting:\s+(http\S+)\s/.exec(output) ?? [];
    if (!start) return;
    output = "";
    signIns += 1;
    const destination = new URL(start).searchParams.get("redirect_uri");
    await fetch(await signIn({ start, destination, origin: tenantOrigin(), person: person() }));
  });
  const client = new Client({ name: "doorward-client-test", version: "1.0.0" });
  t.after(() => client.close());
  await client.connect(transport);
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map(({ name }) => name).sort(), toolNames);
  for (const name of toolNames) {
    checkResult(name, await client.callTool({ name, arguments: argumentsOf(name) }));
  }
  assert.equal(signIns, 1);
});
