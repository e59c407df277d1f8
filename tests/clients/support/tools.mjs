// The four tools: what to call them with, and what a good answer looks like.

import assert from "node:assert/strict";

/** Clock difference and delay that a good `get_datetime` may show, in milliseconds. */
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
      assert.ok(Math.abs(Date.parse(text) - Date.now()) < CLOCK_TOLERANCE, `${text} is the present time`);
    },
  },
  calendar_summary: {
    arguments: {},
    check: (text) => assert.match(text, calendarSummary),
  },
};

/** The beginning of what `calendar_summary` says to somebody whose calendar it may read. */
export const calendarSummary = /^Calendar Summary for .+\n\n(You have \d+ event\(s\) today:|No events scheduled for today\.)/;

/** The names of the tools, sorted. */
export const toolNames = Object.keys(tools).sort();

/** The arguments that the tests call a tool with. */
export const argumentsOf = (name) => tools[name].arguments;

/** Asserts that `result`, a `CallToolResult`, is a success and says what this tool should say. */
export function checkResult(name, result) {
  const text = result.content?.[0]?.text;
  assert.ok(!result.isError, `${name} failed: ${text}`);
  assert.equal(result.content[0].type, "text");
  tools[name].check(text);
  assert.equal(typeof result.structuredContent, "object", `${name} answers with structured content too`);
}
