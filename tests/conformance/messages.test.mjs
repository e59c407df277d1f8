// Checks that each message in the golden files conforms to the JSON Schema of its revision.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { schemaProblems, violations } from "./schema.mjs";

const folder = join(import.meta.dirname, "messages");

/** Members that only results of revision 2026-07-28 have. */
const MODERN_MEMBERS = ["resultType", "ttlMs", "cacheScope"];

/**
 * Adds an `id` to an error without one, so that it conforms to the schema. JSON-RPC has such errors
 * for requests whose id cannot be read, but the schemas before 2025-11-25 do not allow them.
 */
const identified = (revision, message) =>
  revision < "2025-11-25" && message.error && !("id" in message) ? { ...message, id: 0 } : message;

const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".json"));

test("golden files exist", () => assert.ok(files.length > 0));

for (const file of files.sort()) {
  const { revision, request, response, events } = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const sent = [response, ...(events ?? [])].flat().filter((message) => message !== undefined);
  if (sent.length === 0) continue;

  test(`${file} is valid`, () => {
    const methods = new Map([request].flat().map((entry) => [entry?.id, entry?.method]));
    for (const message of sent) {
      assert.deepEqual(violations(revision, methods.get(message.id), identified(revision, message)), []);
    }
  });

  // The suite prescribes a schema that strict validators do not take.
  const tools = sent.flatMap(({ result }) => result?.tools ?? []);
  for (const { name, inputSchema, outputSchema } of tools.filter(({ inputSchema }) => !inputSchema.$schema)) {
    test(`${file}: strict validators take the schemas of ${name}`, () => {
      for (const schema of [inputSchema, outputSchema ?? inputSchema]) {
        assert.deepEqual(schemaProblems(schema), []);
        assert.ok(schema.properties);
      }
    });
  }

  if (revision < "2026-07-28") {
    test(`${file} has nothing of a later revision`, () => {
      const results = sent.map(({ result }) => result ?? {});
      assert.deepEqual(results.flatMap(Object.keys).filter((name) => MODERN_MEMBERS.includes(name)), []);
    });
  }
}
