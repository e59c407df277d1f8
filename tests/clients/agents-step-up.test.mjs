// Agents on a server that names one scope at sign-in, and others when a tool needs them. None of
// them signs in again by itself: each tells its model, and goes on. Codex has a command for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SCOPES, assertLearned, codex, copilot, opencode, withoutOpencode } from "./support/agents.mjs";
import { mcpUrl } from "./support/settings.mjs";

const options = { timeout: 180_000 };
const FIRST = "tool:whoami offline_access";

/** The tools that the first sign-in opens. */
const OPEN = ["get_datetime", "whoami"];

test("Codex calls the other tools after a login with their scopes", options, async (t) => {
  const { model, agent, login, ask } = await codex(t);
  await login();
  const { output } = await ask();
  assertLearned(model, output, OPEN);
  assert.match(model.results.get("greet"), /Insufficient scope/);
  assert.deepEqual(agent.signIns, [FIRST]);
  model.results.clear();
  await login("--scopes", SCOPES.replaceAll(" ", ","));
  assertLearned(model, (await ask()).output);
  assert.equal(agent.signIns.length, 2);
});

const title = "opencode asks again for the scopes that the server names, whatever it is configured to ask for";
test(title, { ...options, skip: withoutOpencode }, async (t) => {
  const { model, agent, configure, login, ask } = await opencode(t);
  configure({ scope: SCOPES });
  await login();
  const { output } = await ask();
  assertLearned(model, output, OPEN);
  assert.match(model.results.get("greet"), /403/);
  assert.deepEqual(agent.signIns, [FIRST]);
  await agent.run(["mcp", "logout", "doorward"]);
  await login();
  assert.deepEqual(agent.signIns, [FIRST, FIRST]);
});

test("Copilot CLI without a terminal says that a sign-in is needed", options, async (t) => {
  const { model, agent, login, ask } = await copilot(t);
  await agent.run(["mcp", "add", "--transport", "http", "doorward", mcpUrl()]);
  await login();
  const { output } = await ask();
  assertLearned(model, output, OPEN);
  assert.match(model.results.get("greet"), /Re-authentication required/);
  assert.deepEqual(agent.signIns, [FIRST]);
});
