// The protocol's JSON Schemas, revision by revision, and what each message has to conform to.
//
// The conformance suite carries the schemas as literals in its one file and exports nothing. Its version is pinned, so
// they are read from there: the text of a literal, not the program around it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const suite = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
const schemas = extract(readFileSync(suite, "utf8"));

/** The suite has no schema of this revision. Of what Doorward sends, nothing differs in the next one. */
const SUBSTITUTES = { "2024-11-05": "2025-03-26" };

/** The definition that the result of a method conforms to. */
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

/** The definitions of messages, by the names that they have had. */
const RESPONSE = ["JSONRPCResultResponse", "JSONRPCResponse"];
const ERROR = ["JSONRPCErrorResponse", "JSONRPCError"];

const validators = new Map();

/**
 * What is wrong with a message that a server sent, as lines of text; none if it is valid.
 * `method` is that of the request that it answers.
 */
export function violations(revision, method, message) {
  const { definitions, check } = validatorOf(SUBSTITUTES[revision] ?? revision);
  const known = (names) => names.find((name) => name in definitions);
  if (Array.isArray(message)) return message.flatMap((entry) => violations(revision, method, entry));
  if (message.method !== undefined) {
    const isThis = ([, { properties }]) => properties?.method?.const === message.method;
    const [name] = Object.entries(definitions).find(isThis) ?? [];
    return name ? check(name, message) : [`${message.method} is no notification of ${revision}`];
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

function validatorOf(revision) {
  if (validators.has(revision)) return validators.get(revision);
  const schema = schemas[revision];
  if (!schema) throw new Error(`the suite has no schema of ${revision}`);
  const ajv = new (schema.$schema.includes("2020-12") ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
  addFormats(ajv);
  // OpenAPI's name for base64, which the schemas use too.
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

/** The object that maps revisions to schemas: its text names variables, whose literals are elsewhere in the text. */
function extract(program) {
  const map = /\{"2025-03-26":([\w$]+),"2025-06-18":([\w$]+),"2025-11-25":([\w$]+),\[[\w$]+\]:([\w$]+)\}/.exec(program);
  if (!map) throw new Error("the suite keeps its schemas elsewhere now");
  const revisions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
  return Object.fromEntries(revisions.map((revision, index) => [revision, literal(program, map[index + 1])]));
}

function literal(program, variable) {
  const start = program.search(new RegExp(`[,; ]${variable.replaceAll("$", "\\$")}=\\{\\$schema:`));
  if (start < 0) throw new Error(`the suite has no schema in ${variable}`);
  const from = program.indexOf("{", start);
  // Brackets in texts do not count; the texts are template literals or strings, with escapes.
  const tokens = /`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}]/gs;
  tokens.lastIndex = from;
  for (let depth = 0, token = tokens.exec(program); token; token = tokens.exec(program)) {
    depth += { "{": 1, "}": -1 }[token[0]] ?? 0;
    if (depth === 0) return runInNewContext(`(${program.slice(from, tokens.lastIndex)})`);
  }
  throw new Error(`the schema in ${variable} has no end`);
}
