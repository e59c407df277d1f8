// The agents, each with an empty home folder, this server in its configuration, and a stub for the
// model.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { Agent } from "./agent.mjs";
import { freePort } from "./free-port.mjs";
import { startModel } from "./model.mjs";
import { mcpUrl } from "./settings.mjs";
import { toolNames } from "./tools.mjs";

/** The scopes that open all tools. */
export const SCOPES = "tool:whoami tool:greet tool:calendar_summary";

/** What each agent is asked. */
export const PROMPT = "Call every tool.";

/** Starts the model and an agent, which end with the test. */
async function start(t, program, environment) {
  const model = await startModel();
  const agent = new Agent(program, environment(model.url));
  t.after(() => Promise.all([model.stop(), agent.remove()]));
  return { model, agent };
}

export async function codex(t) {
  const { model, agent } = await start(t, ".bin/codex", () => ({}));
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
  const login = (...args) => agent.run(["mcp", "login", "doorward", "--no-browser", ...args], { stdin: "pipe" });
  return { model, agent, login, ask: () => agent.run(["exec", "--skip-git-repo-check", PROMPT]) };
}

/** Why opencode is not installed. `opencode-ai` would install three programs of 180 MB each. */
export const withoutOpencode =
  process.platform === "linux" && process.arch === "x64" ? false : "only its program for Linux on x64 is installed";

export async function opencode(t) {
  const { model, agent } = await start(t, "opencode-linux-x64-baseline/bin/opencode", () => ({
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  }));
  const callbackPort = await freePort();
  const configure = (oauth) =>
    agent.write("work/opencode.json", {
      mcp: { doorward: { type: "remote", url: mcpUrl(), oauth: { callbackPort, ...oauth } } },
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
  configure({});
  const login = () => agent.run(["mcp", "auth", "doorward"]);
  return { model, agent, configure, login, ask: () => agent.run(["run", PROMPT]) };
}

export async function gemini(t) {
  const { model, agent } = await start(t, ".bin/gemini", (url) => ({
    GOOGLE_GEMINI_BASE_URL: url,
    GEMINI_API_KEY: "unused",
    GEMINI_FORCE_FILE_STORAGE: "true",
    COLORTERM: "truecolor",
  }));
  agent.write(".gemini/settings.json", {
    mcpServers: {
      doorward: { httpUrl: mcpUrl(), oauth: { enabled: true, scopes: SCOPES.split(" ") }, trust: true },
    },
    security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false },
    tools: { useRipgrep: false },
  });
  const answers = ["Do you want to continue? [Y/n]", "Y\n"];
  const login = () => agent.run(["--prompt", "/mcp auth doorward"], { stdin: "pipe", answers });
  return { model, agent, login, ask: () => agent.run(["--model", "gemini-2.5-flash", "--prompt", PROMPT]) };
}

export async function copilot(t) {
  const { model, agent } = await start(t, ".bin/copilot", (url) => ({
    COPILOT_OFFLINE: "true",
    COPILOT_AUTO_UPDATE: "false",
    COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
    COPILOT_PROVIDER_API_KEY: "unused",
    COPILOT_MODEL: "stub",
  }));
  const tokens = agent.path(".copilot/mcp-oauth-config");
  // It signs in only where there is a terminal.
  const login = () =>
    agent.run(["--allow-all"], {
      terminal: true,
      until: () => existsSync(tokens) && readdirSync(tokens).some((name) => name.endsWith(".tokens.json")),
    });
  const ask = () => {
    // It offers the tools that it remembers before it is connected.
    model.thinks(3_000);
    return agent.run(["--allow-all-tools", "--prompt", PROMPT]);
  };
  return { model, agent, login, ask };
}

/** What the model has to learn from each tool, however the agent puts it. */
const learned = {
  calendar_summary: /Daily stand-up/,
  get_datetime: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/,
  greet: /Hello, Calendar Owner!/,
  whoami: /auth0\|owner/,
};

/** Asserts that the model called all tools and learned something from those that are named. */
export function assertLearned(model, output, names = toolNames) {
  assert.deepEqual([...model.results.keys()].sort(), toolNames, output);
  for (const [name, result] of model.results) {
    if (names.includes(name)) assert.match(result, learned[name], `${name}: ${output}`);
    else assert.doesNotMatch(result, learned[name], `${name}: ${output}`);
  }
}

/** Asserts that the agent logged no warning. */
export function assertQuiet({ output }) {
  assert.doesNotMatch(output, /\b(ERROR|WARN|WARNING)\b/);
}
