// Agents for the command line, each from an empty home folder to calls of all tools by a stub for
// the model: Codex, opencode, Gemini CLI and Copilot CLI. None needs an account.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SCOPES, assertLearned, assertQuiet, codex, copilot, gemini } from "./support/agents.mjs";
import { opencode, withoutOpencode } from "./support/agents.mjs";
import { mcpUrl } from "./support/settings.mjs";

const options = { timeout: 180_000 };

test("Codex signs in, lists the server as signed in, and calls all tools", options, async (t) => {
  const { model, agent, login, ask } = await codex(t);
  const before = await agent.run(["mcp", "list"]);
  assert.match(before.output, /Not logged in/);
  const signedIn = await login();
  assert.match(signedIn.output, /Successfully logged in to MCP server 'doorward'/);
  const list = await agent.run(["mcp", "list"]);
  assert.match(list.output, /doorward .* enabled +OAuth/);
  const asked = await ask();
  assert.equal(asked.status, 0, asked.output);
  assertLearned(model, asked.output);
  [before, signedIn, list, asked].forEach(assertQuiet);
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
});

const title = "opencode signs in, lists the server as connected, and calls all tools";
test(title, { ...options, skip: withoutOpencode }, async (t) => {
  const { model, agent, login, ask } = await opencode(t);
  const before = await agent.run(["mcp", "list"]);
  assert.match(before.output, /doorward needs authentication/);
  const signedIn = await login();
  assert.match(signedIn.output, /Authentication successful!/);
  const list = await agent.run(["mcp", "list"]);
  assert.match(list.output, /✓ doorward connected/);
  const asked = await ask();
  assert.equal(asked.status, 0, asked.output);
  assertLearned(model, asked.output);
  [before, signedIn, list, asked].forEach(assertQuiet);
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
});

test("Gemini CLI signs in with /mcp auth, lists the server as connected, and calls all tools", options, async (t) => {
  const { model, agent, login, ask } = await gemini(t);
  const signedIn = await login();
  assert.match(signedIn.output, /Successfully authenticated with MCP server 'doorward'/);
  // The first sign-in is its own, as soon as it meets the server, and asks for what the tenant
  // supports.
  const [first, second, ...more] = agent.signIns;
  assert.ok(first.startsWith("openid ") && !first.includes("tool:"), first);
  assert.deepEqual([second, more], [SCOPES, []]);
  const list = await agent.run(["mcp", "list"]);
  assert.match(list.output, /✓ doorward: \S+ \(http\) - Connected/);
  const asked = await ask();
  assert.equal(asked.status, 0, asked.output);
  assertLearned(model, asked.output);
  assertQuiet(asked);
  assert.equal(agent.signIns.length, 2);
});

test("Copilot CLI signs in when it meets the server, and calls all tools", options, async (t) => {
  const { model, agent, login, ask } = await copilot(t);
  const added = await agent.run(["mcp", "add", "--transport", "http", "doorward", mcpUrl()]);
  assert.match(added.output, /Added server "doorward"/);
  await login();
  const asked = await ask();
  assert.equal(asked.status, 0, asked.output);
  assertLearned(model, asked.output);
  [added, asked].forEach(assertQuiet);
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
});
