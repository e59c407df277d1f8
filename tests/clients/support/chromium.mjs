// Headless Chromium that can reach this machine only.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const browserPath = process.env.CHROMIUM || "/usr/bin/chromium";
const screenshots = process.env.SCREENSHOT_DIR || fileURLToPath(new URL("../../../target/screenshots", import.meta.url));

const noBrowser = !existsSync(browserPath) && `no browser at ${browserPath}: install Chromium or set CHROMIUM`;

/** The reason why tests with a browser are skipped, or `false` if they are not. */
export const skipped = process.env.WITHOUT_BROWSER === "skip" && noBrowser;

/** The path for a screenshot with this name. */
export async function screenshot(name) {
  await mkdir(screenshots, { recursive: true });
  return join(screenshots, `${name}.png`);
}

export async function launch() {
  assert.ok(!noBrowser, `${noBrowser} (WITHOUT_BROWSER=skip skips this test)`);
  return chromium.launch({
    executablePath: browserPath,
    args: [
      // Some pages link to web fonts, but only this machine may be reached.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-gpu",
      "--disable-quic",
      "--disable-sync",
      "--no-first-run",
      // Chromium refuses to run as root with its sandbox.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
}
