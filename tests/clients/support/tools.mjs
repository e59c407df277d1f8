// The four tools: the arguments for a call, and the checks of its result.

import assert from "node:assert/strict";

/** The most that `get_datetime` may differ from the clock of the test, in milliseconds. */
const CLOCK_TOLERANCE = 60_000;

const tools = {
  whoami: {
    arguments: {},
    check: (text) => {
      const { user, scopes } = JSON.parse(text);
      assert.match(user.sub, /./, "whoami names its caller");
      assert.ok(Array.isArray(scopes), "whoami lists the scopes of the token");
    },
  },
  greet: {
    arguments: { name: "Zoë" },
    check: (text) => assert.match(text, /^Hello, .+!/),
  },
  get_datetime: {
    arguments: {},
    check: (text) => {
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(Math.abs(Date.parse(text) - Date.now()) < CLOCK_TOLERANCE, `${text} is the current time`);
    },
  },
  calendar_summary: {
    arguments: {},
    check: (text) => assert.match(text, calendarSummary),
  },
};

/** The beginning of a successful result of `calendar_summary`. */
export const calendarSummary = /^Calendar Summary for .+\n\n(You have \d+ event\(s\) today:|No events scheduled for today\.)/;

/** The names of the tools, sorted. */
export const toolNames = Object.keys(tools).sort();

/** The arguments that the tests call a tool with. */
export const argumentsOf = (name) => tools[name].arguments;

/** Asserts that `result`, a `CallToolResult`, is a success with the expected content. */
export function checkResult(name, result) {
  const text = result.content?.[0]?.text;
  assert.ok(!result.isError, `${name} failed: ${text}`);
  assert.equal(result.content[0].type, "text");
  tools[name].check(text);
  assert.equal(typeof result.structuredContent, "object", `${name} also returns structured content`);
}
