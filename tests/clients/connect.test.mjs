// The connect page in a real browser without JavaScript, from a failing call to a successful one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { launch, screenshot, skipped } from "./support/chromium.mjs";
import { mcpUrl, newcomer, person, tenantOrigin } from "./support/settings.mjs";
import { calendarSummary } from "./support/tools.mjs";

const STEP_TIMEOUT = 15_000;
const LINK = /http:\/\/127\.0\.0\.1:\d+\/connect\/google-oauth2\?ticket=[\w-]+/;

/** Calls the tool, checks whether the result is an error, and returns its text. */
async function callCalendar(isError) {
  const client = new Client({ name: "doorward-client-test", version: "1.0.0" });
  const headers = { Authorization: `Bearer ${newcomer().token}` };
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(mcpUrl()), { requestInit: { headers } }));
    const result = await client.callTool({ name: "calendar_summary", arguments: {} });
    const text = result.content[0].text;
    assert.equal(Boolean(result.isError), isError, text);
    return text;
  } finally {
    await client.close();
  }
}

/** Disconnects the account, and revokes its tokens, which the server may have cached. */
async function disconnect() {
  const body = JSON.stringify({ person: newcomer().email, connection: "google-oauth2", action: "disconnect" });
  const headers = { "content-type": "application/json" };
  const tokens = `provider-tokens?person=${encodeURIComponent(newcomer().email)}`;
  for (const [method, path, rest] of [["POST", "accounts", { headers, body }], ["DELETE", tokens, {}]]) {
    const answer = await fetch(`${tenantOrigin()}/_control/${path}`, { method, ...rest });
    assert.ok(answer.ok, `${method} ${path}: the tenant answers ${answer.status}`);
  }
}

async function link() {
  const text = await callCalendar(true);
  const [found] = LINK.exec(text) ?? [];
  assert.ok(found, `no link in: ${text}`);
  return found;
}

const options = { timeout: 75_000, skip: skipped };

test("somebody without an account connects one, and the call succeeds", options, async (t) => {
  const { page, heading, picture } = await open(t);
  await disconnect();
  await page.goto(await link());
  await heading("Connect your Google account");
  await picture("connect-1-first");

  await page.getByRole("link", { name: "Continue" }).click();
  await signIn(page, newcomer().email);
  await heading("Connect your account");
  assert.equal(new URL(page.url()).origin, tenantOrigin(), "the provider's page is shown");
  await picture("connect-2-provider");

  await page.getByRole("button", { name: "Connect" }).click();
  await heading("Your Google account is connected");
  await picture("connect-3-done");
  assert.match(await callCalendar(false), calendarSummary);

  await page.reload();
  await heading("This cannot be continued");
  await picture("connect-not-begun");
});

test("after a wrong link, a wrong user or a refusal, the person is told so and can try again", options, async (t) => {
  const { page, heading, picture } = await open(t);
  await disconnect();
  const url = await link();
  await page.goto(`${url}x`);
  await heading("This link does not work");
  await picture("connect-link-wrong");

  await page.goto(url);
  await page.getByRole("link", { name: "Continue" }).click();
  await signIn(page, person().email);
  await heading("You are signed in as somebody else");
  await picture("connect-other-user");

  await page.getByRole("link", { name: "Sign in as another user" }).click();
  await signIn(page, newcomer().email);
  await page.getByRole("button", { name: "Cancel" }).click();
  await heading("Your Google account was not connected");
  await picture("connect-declined");

  await page.getByRole("link", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Connect" }).click();
  await heading("Your Google account is connected");
});

/** Opens a browser page with helpers. The test fails if Chromium logs an error on it. */
async function open(t) {
  const browser = await launch();
  t.after(() => browser.close());
  const viewport = { width: 900, height: 760 };
  const context = await browser.newContext({ javaScriptEnabled: false, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_TIMEOUT);
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  // Chromium logs a line for each page with an error status, which these tests expect.
  const isStatus = (text) => /^Failed to load resource: the server responded with a status of 4\d\d/.test(text);
  t.after(() => assert.deepEqual(complaints.filter((text) => !isStatus(text)), [], "Chromium logged something"));
  const heading = (name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  const picture = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: await screenshot(`${name}-${colorScheme}`) });
    }
  };
  return { page, heading, picture };
}

/** Fills in the tenant's sign-in form and submits it. */
async function signIn(page, email) {
  const password = page.locator("input[type=password]");
  await password.waitFor();
  assert.equal(new URL(page.url()).origin, tenantOrigin(), "the tenant asks for the password");
  await page.locator("input[type=email]").fill(email);
  await password.fill(person().password);
  await password.press("Enter");
}
