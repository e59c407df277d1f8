// Validates messages against the protocol's JSON Schema of each revision.
//
// The conformance suite is one file that contains the schemas as literals and exports nothing. Its
// version is pinned, so the literals are cut out of its text. The rest of the program is not run.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const suite = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
const schemas = extract(readFileSync(suite, "utf8"));

/**
 * The suite has no schema for 2024-11-05. Everything that Doorward sends is the same in the next
 * revision.
 */
const SUBSTITUTES = { "2024-11-05": "2025-03-26" };

/** For each method, the definition of its result. */
const RESULTS = {
  initialize: "InitializeResult",
  ping: "EmptyResult",
  "server/discover": "DiscoverResult",
  "tools/list": "ListToolsResult",
  "tools/call": "CallToolResult",
  "prompts/list": "ListPromptsResult",
  "prompts/get": "GetPromptResult",
  "resources/list": "ListResourcesResult",
  "resources/templates/list": "ListResourceTemplatesResult",
  "resources/read": "ReadResourceResult",
  "completion/complete": "CompleteResult",
  "subscriptions/listen": "SubscriptionsListenResult",
};

/** The names that the definitions of messages have in different revisions. */
const RESPONSE = ["JSONRPCResultResponse", "JSONRPCResponse"];
const ERROR = ["JSONRPCErrorResponse", "JSONRPCError"];

const validators = new Map();

/**
 * Returns the errors in a message of a server, as lines of text; an empty list if it is valid.
 * `method` is the method of the request that it answers.
 */
export function violations(revision, method, message) {
  const { definitions, check } = validatorOf(SUBSTITUTES[revision] ?? revision);
  const known = (names) => names.find((name) => name in definitions);
  if (Array.isArray(message)) return message.flatMap((entry) => violations(revision, method, entry));
  if (message.method !== undefined) {
    const isThis = ([, { properties }]) => properties?.method?.const === message.method;
    const [name] = Object.entries(definitions).find(isThis) ?? [];
    return name ? check(name, message) : [`${revision} has no notification ${message.method}`];
  }
  if (message.error !== undefined) {
    const ofCode = ([, { properties }]) =>
      properties?.error?.allOf?.some((part) => part.properties?.code?.const === message.error.code);
    const [name] = Object.entries(definitions).find(ofCode) ?? [];
    return check(name ?? known(ERROR), message);
  }
  const asked = message.result?.resultType === "input_required";
  const result = asked ? "InputRequiredResult" : RESULTS[method];
  if (!(result in definitions)) return [`${method} has no result in ${revision}`];
  return [...check(known(RESPONSE), message), ...check(result, message.result)];
}

/** Returns what a strict validator says about the schema of a tool; an empty list if it takes it. */
export function schemaProblems(schema) {
  const problems = [];
  const note = (problem) => problems.push(String(problem));
  const ajv = new Ajv2020({ strict: true, logger: { log: note, warn: note, error: note } });
  addFormats(ajv);
  ajv.addKeyword("x-mcp-header");
  try {
    ajv.compile(schema);
  } catch (error) {
    note(error.message);
  }
  return problems;
}

function validatorOf(revision) {
  if (validators.has(revision)) return validators.get(revision);
  const schema = schemas[revision];
  if (!schema) throw new Error(`the suite has no schema of ${revision}`);
  const ajv = new (schema.$schema.includes("2020-12") ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
  addFormats(ajv);
  // The schemas use OpenAPI's name for base64.
  ajv.addFormat("byte", /^[A-Za-z0-9+/]*={0,2}$/);
  const key = "$defs" in schema ? "$defs" : "definitions";
  ajv.addSchema(schema, revision);
  const check = (name, value) => {
    const validate = ajv.getSchema(`${revision}#/${key}/${name}`);
    if (validate(value)) return [];
    return validate.errors.map(({ instancePath, message }) => `${name}${instancePath}: ${message}`);
  };
  const validator = { definitions: schema[key], check };
  validators.set(revision, validator);
  return validator;
}

/**
 * Finds the object that maps revisions to schemas. Its text names variables, whose literals are
 * elsewhere in the text.
 */
function extract(program) {
  const map = /\{"2025-03-26":([\w$]+),"2025-06-18":([\w$]+),"2025-11-25":([\w$]+),\[[\w$]+\]:([\w$]+)\}/.exec(program);
  if (!map) throw new Error("the schemas were not found in the text of the suite");
  const revisions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
  return Object.fromEntries(revisions.map((revision, index) => [revision, literal(program, map[index + 1])]));
}

function literal(program, variable) {
  const start = program.search(new RegExp(`[,; ]${variable.replaceAll("$", "\\$")}=\\{\\$schema:`));
  if (start < 0) throw new Error(`the suite has no schema in ${variable}`);
  const from = program.indexOf("{", start);
  // Skips braces in strings and template literals, which may contain escapes.
  const tokens = /`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}]/gs;
  tokens.lastIndex = from;
  for (let depth = 0, token = tokens.exec(program); token; token = tokens.exec(program)) {
    depth += { "{": 1, "}": -1 }[token[0]] ?? 0;
    if (depth === 0) return runInNewContext(`(${program.slice(from, tokens.lastIndex)})`);
  }
  throw new Error(`the schema in ${variable} is not closed`);
}
