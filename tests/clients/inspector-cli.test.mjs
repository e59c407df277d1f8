// MCP Inspector's command line with a bearer token, in each protocol era that it supports.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runCli } from "./support/inspector.mjs";
import { mcpUrl, required } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

/** A server puts this into each result of revision 2026-07-28, and into no result before. */
const SERVER_INFO = "io.modelcontextprotocol/serverInfo";

async function inspect(era, ...args) {
  const { status, stdout, stderr } = await runCli([
    mcpUrl(),
    ...["--transport", "http", "--protocol-era", era, "--format", "json"],
    ...["--header", `Authorization: Bearer ${required("MCP_TOKEN")}`, "--stored-auth-only"],
    ...args,
  ]);
  assert.equal(status, 0, `Inspector ended with ${status}: ${stderr}${stdout}`);
  return { result: JSON.parse(stdout).result, remarks: stderr };
}

for (const era of ["legacy", "auto", "modern"]) {
  describe(`Inspector's command line, era ${era}`, { timeout: 60_000 }, () => {
    test("lists four tools, whose schemas pass its strict check", async () => {
      const { result, remarks } = await inspect(era, "--method", "tools/list", "--strict");
      assert.deepEqual(result.tools.map(({ name }) => name).sort(), toolNames);
      assert.doesNotMatch(remarks, /^(Error|Warning): tool/m);
    });

    for (const name of toolNames) {
      test(`calls ${name}`, async () => {
        const args = ["--tool-name", name, "--tool-args-json", JSON.stringify(argumentsOf(name))];
        const { result } = await inspect(era, "--method", "tools/call", ...args);
        checkResult(name, result);
        assert.equal(SERVER_INFO in (result._meta ?? {}), era !== "legacy", "the answer belongs to the requested era");
      });
    }
  });
}

test("Inspector's command line is refused without a token", { timeout: 30_000 }, async () => {
  const args = ["--transport", "http", "--stored-auth-only", "--format", "json", "--method", "tools/list"];
  const { status, stderr } = await runCli([mcpUrl(), ...args]);
  assert.notEqual(status, 0);
  assert.match(stderr, /auth_required/);
});
