// A tool in JavaScript, in a component of its own: an MCP server with one tool.
import { Fields, Request, Response } from "wasi:http/types@0.3.0";

const server = { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } };
const color = { type: "string", pattern: "^#[0-9a-fA-F]{6}$" };
const tool = {
  name: "contrast",
  title: "Contrast of two colors",
  description: "Computes the contrast ratio of two colors, such as #1a2b3c, as WCAG defines it",
  inputSchema: { type: "object", properties: { text: color, background: color }, required: ["text", "background"] },
  outputSchema: { type: "object", properties: { ratio: { type: "number" }, readable: { type: "boolean" } } },
  annotations: { readOnlyHint: true },
};

function luminance(color) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast({ text, background }) {
  const [dark, light] = [luminance(text), luminance(background)].sort((a, b) => a - b);
  const ratio = Math.round(((light + 0.05) / (dark + 0.05)) * 100) / 100;
  const structuredContent = { ratio, readable: ratio >= 4.5 };
  return { content: [{ type: "text", text: `${ratio} to 1` }], structuredContent };
}

function answer({ id, method, params }) {
  const cached = { ttlMs: 60000, cacheScope: "public" };
  let result;
  if (method === "server/discover") result = { ...cached, ...server };
  else if (method === "tools/list") result = { ...cached, tools: [tool] };
  else if (method === "tools/call" && params.name === "contrast") result = contrast(params.arguments);
  else return { jsonrpc: "2.0", id, error: { code: -32601, message: "Unknown method or tool" } };
  return { jsonrpc: "2.0", id, result: { resultType: "complete", ...result } };
}

// QuickJS has no TextEncoder and no TextDecoder.
const encode = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (it) => it.charCodeAt(0));
const decode = (bytes) => decodeURIComponent(escape(bytes.map((it) => String.fromCharCode(it)).join("")));
const resolved = (type) => wit.Future.from({ tag: "ok", val: null }, type).readable;

export const handler = {
  async handle(request) {
    const [body] = Request.consumeBody(request, resolved(wit.Future.RESULT_VOID_ERROR_CODE));
    const bytes = [];
    for await (const chunk of body) bytes.push(...chunk);
    const text = JSON.stringify(answer(JSON.parse(decode(bytes))));
    const headers = Fields.fromList([["content-type", encode("application/json")]]);
    // In a list, because a lone array would be sent byte by byte.
    return Response.new(headers, [encode(text)], resolved(wit.Future.RESULT_OPTION_OTHER_ERROR_CODE))[0];
  },
};
