// Agents for the command line, each from a new home folder to calls of all tools by a stub for the
// model: Codex, opencode, Gemini CLI and Copilot CLI. None needs an account.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Agent } from "./support/agent.mjs";
import { freePort } from "./support/free-port.mjs";
import { startModel } from "./support/model.mjs";
import { mcpUrl } from "./support/settings.mjs";
import { toolNames } from "./support/tools.mjs";

const SCOPES = "tool:whoami tool:greet tool:calendar_summary";
const PROMPT = "Call every tool.";
const options = { timeout: 180_000 };

/** What the model has to learn from each tool, however the agent puts it. */
const learned = {
  calendar_summary: /Daily stand-up/,
  get_datetime: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/,
  greet: /Hello, Calendar Owner!/,
  whoami: /auth0\|owner/,
};

/** Starts the model and an agent, which end with the test. */
async function start(t, program, environment) {
  const model = await startModel();
  const agent = new Agent(program, environment);
  t.after(() => Promise.all([model.stop(), agent.remove()]));
  return { model, agent };
}

function assertLearned(model, output) {
  assert.deepEqual([...model.results.keys()].sort(), toolNames, output);
  for (const [name, result] of model.results) assert.match(result, learned[name], `${name}: ${output}`);
}

function assertQuiet(output) {
  assert.doesNotMatch(output, /\b(ERROR|WARN|WARNING)\b/);
}

test("Codex signs in, lists the server as signed in, and calls all tools", options, async (t) => {
  const { model, agent } = await start(t, ".bin/codex");
  agent.write(
    ".codex/config.toml",
    `mcp_oauth_credentials_store = "file"
check_for_update_on_startup = false
approval_policy = "never"
model = "stub"
model_provider = "stub"
[analytics]
enabled = false
[model_providers.stub]
name = "stub"
base_url = "${model.url}/v1"
wire_api = "responses"
[mcp_servers.doorward]
url = "${mcpUrl()}"
`,
  );
  const before = await agent.run(["mcp", "list"]);
  assert.match(before.output, /Not logged in/);
  const login = await agent.run(["mcp", "login", "doorward", "--no-browser"], { stdin: "pipe" });
  assert.match(login.output, /Successfully logged in to MCP server 'doorward'/);
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
  const list = await agent.run(["mcp", "list"]);
  assert.match(list.output, /doorward .* enabled +OAuth/);
  const { status, output } = await agent.run(["exec", "--skip-git-repo-check", PROMPT]);
  assert.equal(status, 0, output);
  assertLearned(model, output);
  for (const run of [before, login, list, { output }]) assertQuiet(run.output);
  assert.equal(agent.signIns.length, 1);
});

// `opencode-ai` would install three programs of 180 MB, and need its install script.
const opencode = "opencode-linux-x64-baseline/bin/opencode";
const isInstalled = process.platform === "linux" && process.arch === "x64";
const skip = isInstalled ? false : "only its program for Linux on x64 is installed";

test("opencode signs in, lists the server as connected, and calls all tools", { ...options, skip }, async (t) => {
  const { model, agent } = await start(t, opencode, {
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  });
  agent.write("work/opencode.json", {
    mcp: { doorward: { type: "remote", url: mcpUrl(), oauth: { callbackPort: await freePort() } } },
    share: "disabled",
    model: "stub/stub",
    small_model: "stub/stub",
    provider: {
      stub: {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${model.url}/v1`, apiKey: "unused" },
        models: { stub: {} },
      },
    },
  });
  const before = await agent.run(["mcp", "list"]);
  assert.match(before.output, /doorward needs authentication/);
  const auth = await agent.run(["mcp", "auth", "doorward"]);
  assert.match(auth.output, /Authentication successful!/);
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
  const list = await agent.run(["mcp", "list"]);
  assert.match(list.output, /✓ doorward connected/);
  const { status, output } = await agent.run(["run", PROMPT]);
  assert.equal(status, 0, output);
  assertLearned(model, output);
  for (const run of [before, auth, list, { output }]) assertQuiet(run.output);
  assert.equal(agent.signIns.length, 1);
});

test("Gemini CLI signs in with /mcp auth, lists the server as connected, and calls all tools", options, async (t) => {
  const { model, agent } = await start(t, ".bin/gemini", {
    GEMINI_API_KEY: "unused",
    GEMINI_FORCE_FILE_STORAGE: "true",
    COLORTERM: "truecolor",
  });
  const environment = { GOOGLE_GEMINI_BASE_URL: model.url };
  agent.write(".gemini/settings.json", {
    mcpServers: {
      doorward: { httpUrl: mcpUrl(), oauth: { enabled: true, scopes: SCOPES.split(" ") }, trust: true },
    },
    security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false },
    tools: { useRipgrep: false },
  });
  const auth = await agent.run(["--prompt", "/mcp auth doorward"], {
    environment,
    stdin: "pipe",
    answers: ["Do you want to continue? [Y/n]", "Y\n"],
  });
  assert.match(auth.output, /Successfully authenticated with MCP server 'doorward'/);
  // The first sign-in is its own, as soon as it meets the server, and asks for what the tenant
  // supports.
  const [first, second, ...more] = agent.signIns;
  assert.ok(first.startsWith("openid ") && !first.includes("tool:"), first);
  assert.deepEqual([second, more], [SCOPES, []]);
  const list = await agent.run(["mcp", "list"], { environment });
  assert.match(list.output, /✓ doorward: \S+ \(http\) - Connected/);
  const { status, output } = await agent.run(["--model", "gemini-2.5-flash", "--prompt", PROMPT], { environment });
  assert.equal(status, 0, output);
  assertLearned(model, output);
  assertQuiet(output);
  assert.equal(agent.signIns.length, 2);
});

test("Copilot CLI signs in when it meets the server, and calls all tools", options, async (t) => {
  const { model, agent } = await start(t, ".bin/copilot", {
    COPILOT_OFFLINE: "true",
    COPILOT_AUTO_UPDATE: "false",
    COPILOT_PROVIDER_API_KEY: "unused",
    COPILOT_MODEL: "stub",
  });
  const environment = { COPILOT_PROVIDER_BASE_URL: `${model.url}/v1` };
  const added = await agent.run(["mcp", "add", "--transport", "http", "doorward", mcpUrl()]);
  assert.match(added.output, /Added server "doorward"/);
  // It signs in only where there is a terminal.
  const tokens = agent.path(".copilot/mcp-oauth-config");
  await agent.run(["--allow-all"], {
    environment,
    terminal: true,
    until: () => existsSync(tokens) && readdirSync(tokens).some((name) => name.endsWith(".tokens.json")),
  });
  assert.deepEqual(agent.signIns, [`${SCOPES} offline_access`]);
  // It offers the tools that it remembers before it is connected.
  model.thinks(3_000);
  const { status, output } = await agent.run(["--allow-all-tools", "--prompt", PROMPT], { environment });
  assert.equal(status, 0, output);
  assertLearned(model, output);
  assertQuiet(output);
  assert.equal(agent.signIns.length, 1);
});
