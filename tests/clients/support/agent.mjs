// Runs an agent's command line with its own home folder, without connections to other machines, and
// with a browser that signs in.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { signIn } from "./form-browser.mjs";
import { person, tenantOrigin } from "./settings.mjs";

const packages = join(import.meta.dirname, "../node_modules");

/** The time for one command. They take a few seconds on an idle machine. */
const TIMEOUT = 90_000;

export class Agent {
  /** The scopes that each sign-in asked for, in their order. */
  signIns = [];
  #home;
  #environment;
  #browser;
  #program;

  /** `program` is the agent's path in `node_modules`; `environment` is for all of its commands. */
  constructor(program, environment = {}) {
    this.#program = join(packages, program);
    // Codex refuses a home in the folder for temporary files.
    this.#home = mkdtempSync(join(packages, ".agent-"));
    this.#browser = this.path("opened");
    const bin = this.path("bin");
    mkdirSync(bin);
    mkdirSync(this.path("work"));
    writeFileSync(this.#browser, "");
    for (const name of ["xdg-open", "open"]) {
      writeFileSync(join(bin, name), '#!/bin/sh\necho "$1" >> "$OPENED"\n');
      chmodSync(join(bin, name), 0o755);
    }
    this.#environment = {
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: this.#home,
      OPENED: this.#browser,
      TERM: "xterm-256color",
      // Nothing listens at this port.
      HTTP_PROXY: "http://127.0.0.1:9",
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1,localhost",
      ...environment,
    };
  }

  /** A path in the agent's home folder. */
  path(...names) {
    return join(this.#home, ...names);
  }

  /** Writes a file in the agent's home folder; anything but text becomes JSON. */
  write(name, content) {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), typeof content === "string" ? content : JSON.stringify(content));
  }

  /** Removes the home folder. */
  remove() {
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }

  /**
   * Runs a command and signs in at each URL of the tenant that it prints or opens. It ends by itself
   * or, once `until` is true, by a signal. Resolves to its exit status and output without colors.
   */
  async run(args, { environment = {}, stdin = "ignore", terminal = false, answers = [], until } = {}) {
    const plain = [this.#program, ...args];
    const inTerminal = ["script", "-qec", plain.map(quoted).join(" "), "/dev/null"];
    const [program, ...rest] = terminal ? inTerminal : plain;
    const child = spawn(program, rest, {
      cwd: this.path("work"),
      env: { ...this.#environment, ...environment },
      stdio: [terminal ? "pipe" : stdin, "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    }
    let ended = false;
    const exit = once(child, "close").then(([status]) => {
      ended = true;
      return status;
    });
    const seen = new Set();
    const deadline = Date.now() + TIMEOUT;
    let stopped = false;
    let answered = 0;
    while (!ended) {
      const printed = stripVTControlCharacters(output);
      const urls = `${printed}${readFileSync(this.#browser, "utf8")}`.matchAll(/(http\S+\/authorize\?\S+)\s/g);
      for (const [, url] of urls) {
        if (seen.has(url) || !url.startsWith(tenantOrigin())) continue;
        seen.add(url);
        await this.#signIn(url);
      }
      const questions = answers.length ? printed.split(answers[0]).length - 1 : 0;
      for (; answered < questions; answered += 1) child.stdin.write(answers[1]);
      stopped = until?.() ?? false;
      if (stopped || Date.now() > deadline) process.kill(-child.pid, "SIGKILL");
      await Promise.race([exit, delay(100)]);
    }
    writeFileSync(this.#browser, "");
    const status = await exit;
    const all = stripVTControlCharacters(output);
    if (status === null && !stopped) throw new Error(`${args.join(" ")} did not end within ${TIMEOUT} ms: ${all}`);
    return { status, output: all };
  }

  async #signIn(start) {
    const query = new URL(start).searchParams;
    this.signIns.push(query.get("scope"));
    const destination = query.get("redirect_uri");
    await fetch(await signIn({ start, destination, origin: tenantOrigin(), person: person() }));
  }
}

const quoted = (argument) => `'${argument.replaceAll("'", "'\\''")}'`;
