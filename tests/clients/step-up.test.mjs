// A server that names one scope at sign-in, and others when a tool needs them: each client signs in
// once, and once more for each scope that was missing, and not again.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v2 from "@modelcontextprotocol/client";
import { UnauthorizedError as UnauthorizedErrorV1 } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { signIn } from "./support/form-browser.mjs";
import { MemoryProvider } from "./support/oauth-provider.mjs";
import { mcpUrl, person, tenantOrigin } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

const info = { name: "doorward-client-test", version: "1.0.0" };
const calls = ["whoami", "greet", "whoami", "calendar_summary", "greet", "whoami", "get_datetime", "calendar_summary"];
const SIGN_INS = 3;
const browse = (start, destination) => signIn({ start, destination, origin: tenantOrigin(), person: person() });

const modes = [
  {
    title: "@modelcontextprotocol/sdk",
    newClient: () => new ClientV1(info),
    Transport: TransportV1,
    Unauthorized: UnauthorizedErrorV1,
    finish: (transport, callback) => transport.finishAuth(callback.searchParams.get("code")),
  },
  ...[undefined, { mode: "auto" }].map((versionNegotiation) => ({
    title: `@modelcontextprotocol/client${versionNegotiation ? " in auto mode" : ""}`,
    newClient: () => new v2.Client(info, { versionNegotiation }),
    Transport: v2.StreamableHTTPClientTransport,
    Unauthorized: v2.UnauthorizedError,
    finish: (transport, callback) => transport.finishAuth(callback.searchParams),
  })),
];

for (const { title, newClient, Transport, Unauthorized, finish } of modes) {
  test(`${title} asks for each scope once`, { timeout: 60_000 }, async () => {
    let signIns = 0;
    const provider = new MemoryProvider((start, destination) => {
      signIns += 1;
      return browse(start, destination);
    });
    /** Connects and does something, and signs in whenever the client says that it has to. */
    const connected = async (act) => {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const client = newClient();
        const transport = new Transport(new URL(mcpUrl()), { authProvider: provider });
        try {
          await client.connect(transport);
          return await act(client);
        } catch (error) {
          if (!(error instanceof Unauthorized)) throw error;
          await finish(transport, provider.callback);
        } finally {
          await client.close();
        }
      }
      throw new Error("it signs in again and again");
    };
    const { tools } = await connected((client) => client.listTools());
    assert.deepEqual(tools.map(({ name }) => name).sort(), toolNames);
    for (const name of calls) {
      checkResult(name, await connected((client) => client.callTool({ name, arguments: argumentsOf(name) })));
    }
    assert.equal(signIns, SIGN_INS);
  });
}
