// Adds the access token in MCP_TOKEN to every request to MCP_URL, for programs without support for
// authentication. Load it with `node --import`. It subscribes to the diagnostics channels of Node
// and undici, so it works for every sender in the program.

import { subscribe } from "node:diagnostics_channel";

const { origin } = new URL(process.env.MCP_URL);
const authorization = `Bearer ${process.env.MCP_TOKEN}`;

// `fetch` and undici's own functions.
subscribe("undici:request:create", ({ request }) => {
  if (new URL(request.origin).origin === origin) request.addHeader("authorization", authorization);
});

// `node:http`.
subscribe("http.client.request.created", ({ request }) => {
  if (new URL(`${request.protocol}//${request.getHeader("host")}`).origin === origin) {
    request.setHeader("authorization", authorization);
  }
});
