// MCP Inspector's web page in a real browser: a person connects, signs in on the tenant's page and
// calls a tool. The pictures are those of docs/clients/inspector.md.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, screenshot, skipped } from "./support/chromium.mjs";
import { startWeb } from "./support/inspector.mjs";
import { mcpUrl, person, tenantOrigin } from "./support/settings.mjs";
import { calendarSummary, toolNames } from "./support/tools.mjs";

const STEP_TIMEOUT = 15_000;

test("Inspector's web page signs in, lists the tools and reads the calendar", {
  timeout: 75_000,
  skip: skipped,
}, async (t) => {
  const inspector = await startWeb(mcpUrl());
  t.after(() => inspector.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(STEP_TIMEOUT);
  try {
    await page.goto(inspector.url);
    await page.getByText(mcpUrl()).first().waitFor();
    await page.screenshot({ path: await screenshot("inspector-servers") });
    // The input is hidden behind the drawing of the switch, so the click must be forced.
    await page.getByRole("switch", { name: /^Connect or disconnect/ }).click({ force: true });
    await signIn(page, inspector.url);
    await callCalendar(page);
    await page.screenshot({ path: await screenshot("inspector-tools") });
  } catch (error) {
    const path = await screenshot("inspector-failed");
    await page.screenshot({ path });
    const { stdout, stderr } = inspector.output;
    const where = `on ${page.url()}, see ${path}`;
    throw new Error(`${error.message}\n${where}\nInspector: ${stdout}${stderr}`, { cause: error });
  }
});

/** Signs in, accepts on the tenant's consent page, and waits until Inspector is connected. */
async function signIn(page, inspectorUrl) {
  const password = page.locator("input[type=password]");
  await password.waitFor();
  assert.equal(new URL(page.url()).origin, tenantOrigin(), "the tenant asks for the password");
  await page.locator("input[type=email], input[name=username]:visible").first().fill(person().email);
  await password.fill(person().password);
  await password.press("Enter");
  const accept = page.getByRole("button", { name: /accept|allow|authori[sz]e|agree/i });
  await accept.waitFor();
  await page.screenshot({ path: await screenshot("inspector-consent") });
  await accept.click();

  await page.waitForURL((url) => url.href.startsWith(inspectorUrl));
  const status = page.getByTestId("connection-status");
  await status.and(page.locator("[data-status=connected], [data-status=error]")).waitFor({ state: "attached" });
  assert.equal(await status.getAttribute("data-status"), "connected", await status.getAttribute("data-error-message"));
}

/** Opens the list of tools, calls `calendar_summary`, and waits for its result. */
async function callCalendar(page) {
  await page.getByRole("banner").locator("label", { hasText: "Tools" }).click();
  await page.getByRole("heading", { name: `Tools (${toolNames.length})` }).waitFor();
  for (const name of toolNames) await page.getByRole("button", { name }).waitFor();

  await page.getByRole("button", { name: "calendar_summary" }).click();
  await page.getByRole("button", { name: "Execute Tool" }).click();
  const answer = page.getByText(/^Calendar Summary for /).first();
  await answer.waitFor();
  assert.match(await answer.innerText(), calendarSummary);
}
