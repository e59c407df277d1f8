// Starts MCP Inspector as its documentation describes, with its own home folder and without
// connections to other machines.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.mjs";

const packageFile = fileURLToPath(import.meta.resolve("@modelcontextprotocol/inspector/package.json"));
const program = join(dirname(packageFile), "clients/launcher/build/index.js");

const home = mkdtempSync(join(tmpdir(), "inspector-"));

/** An environment without the files, the key ring and the settings of the current user. */
const environment = {
  PATH: process.env.PATH,
  HOME: home,
  MCP_STORAGE_DIR: join(home, "storage"),
  MCP_INSPECTOR_SECRET_STORE: "memory",
};

const running = new Set();

// Cleans up after a signal, too: by default a signal ends the process without the `exit` event.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

/** Runs Inspector's command line. Resolves to its exit status and output. */
export async function runCli(args, { timeout = 20_000 } = {}) {
  const child = start(["--cli", ...args]);
  const output = collect(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
  const [status, signal] = await once(child, "close");
  clearTimeout(timer);
  if (signal) throw new Error(`Inspector did not end within ${timeout} ms: ${output.stdout}${output.stderr}`);
  return { status, ...output };
}

/** Starts Inspector's web server for one MCP server. It runs until `stop` is called. */
export async function startWeb(serverUrl, { timeout = 20_000 } = {}) {
  const port = await freePort();
  const sandboxPort = await freePort();
  const child = start(["--web", "--transport", "http", "--server-url", serverUrl], {
    HOST: "127.0.0.1",
    CLIENT_PORT: String(port),
    MCP_SANDBOX_PORT: String(sandboxPort),
    MCP_AUTO_OPEN_ENABLED: "false",
  });
  const output = collect(child);
  // It prints a URL with a token. The page that it serves contains the token already.
  await announced(child, output, /is up and running/, timeout);
  const stop = async () => {
    if (!running.has(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return { url: `http://127.0.0.1:${port}/`, output, stop };
}

function start(args, settings = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...environment, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

function collect(child) {
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => (output[stream] += text));
  }
  return output;
}

async function announced(child, output, pattern, timeout) {
  const deadline = AbortSignal.timeout(timeout);
  const ended = once(child, "exit").then(() => "ended");
  while (!pattern.test(output.stdout)) {
    const next = await Promise.race([ended, once(child.stdout, "data", { signal: deadline }).catch(() => "late")]);
    if (next === "ended" || next === "late") {
      const what = next === "late" ? "did not start in time" : "ended";
      throw new Error(`Inspector's web server ${what}: ${output.stdout}${output.stderr}`);
    }
  }
}
