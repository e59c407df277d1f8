// The official client SDK signs in by itself: discovery, registration, PKCE, code, token.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { signIn } from "./support/form-browser.mjs";
import { MemoryProvider } from "./support/oauth-provider.mjs";
import { mcpUrl, person, tenantOrigin } from "./support/settings.mjs";
import { argumentsOf, checkResult, toolNames } from "./support/tools.mjs";

function newClient(options) {
  const errors = [];
  const client = new Client({ name: "doorward-client-test", version: "1.0.0" }, options);
  client.onerror = (error) => errors.push(error);
  return { client, errors };
}

/** Acts like an application: connects, opens a browser, gets a code and connects again. */
async function connect(options, provider, fetch = globalThis.fetch, url = mcpUrl()) {
  const first = newClient(options);
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch });
  await assert.rejects(first.client.connect(transport), UnauthorizedError);
  await transport.finishAuth(provider.callback.searchParams);
  await first.client.close();

  const second = newClient(options);
  const signedIn = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch });
  await second.client.connect(signedIn);
  return second;
}

const modes = [
  { title: "in its default mode", options: {}, era: "legacy", version: "2025-11-25" },
  { title: "in auto mode", options: { versionNegotiation: { mode: "auto" } }, era: "modern", version: "2026-07-28" },
  {
    title: "pinned to 2026-07-28",
    options: { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    era: "modern",
    version: "2026-07-28",
  },
];

for (const { title, options, era, version } of modes) {
  describe(`@modelcontextprotocol/client ${title}`, () => {
    test("registers, signs in with PKCE and calls the tools", { timeout: 30_000 }, async () => {
      const provider = new MemoryProvider((start, destination) =>
        signIn({ start, destination, origin: tenantOrigin(), person: person() }),
      );
      const { client, errors } = await connect(options, provider);
      try {
        assert.match(provider.registration.client_id, /./, "the tenant registered the client");
        const sent = provider.authorizationUrl.searchParams;
        assert.equal(sent.get("code_challenge_method"), "S256");
        assert.equal(sent.get("resource"), mcpUrl(), "the metadata names the resource as people type it");
        assert.equal(client.getProtocolEra(), era);
        assert.equal(client.getNegotiatedProtocolVersion(), version);

        const { tools } = await client.listTools();
        assert.deepEqual(tools.map(({ name }) => name).sort(), toolNames);
        for (const name of toolNames) {
          checkResult(name, await client.callTool({ name, arguments: argumentsOf(name) }));
        }
      } finally {
        await client.close();
      }
      assert.deepEqual(errors, [], "the client reported no errors");
    });
  });
}

test("@modelcontextprotocol/client may be given the other name of this machine", { timeout: 30_000 }, async () => {
  const url = mcpUrl().replace("127.0.0.1", "localhost");
  const provider = new MemoryProvider((start, destination) =>
    signIn({ start, destination, origin: tenantOrigin(), person: person() }),
  );
  const { client, errors } = await connect({}, provider, globalThis.fetch, url);
  try {
    assert.equal(provider.authorizationUrl.searchParams.get("resource"), url);
    for (const name of toolNames) {
      checkResult(name, await client.callTool({ name, arguments: argumentsOf(name) }));
    }
  } finally {
    await client.close();
  }
  assert.deepEqual(errors, []);
});

/** Makes a `fetch` that answers 404 for the URLs in `missing`. It may also hide the challenge. */
function limitedFetch({ missing, challenge }) {
  const asked = [];
  const fetch = async (url, init) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    if (missing.includes(pathname)) {
      return new Response("", { status: 404 });
    }
    const response = await globalThis.fetch(url, init);
    if (challenge || response.status !== 401) {
      return response;
    }
    return new Response(response.body, { status: 401 });
  };
  return { fetch, asked };
}

const resource = "/.well-known/oauth-protected-resource";
const authorizationServer = "/.well-known/oauth-authorization-server";
const openid = "/.well-known/openid-configuration";

const ways = [
  { title: "without a challenge", challenge: false, missing: [], found: `${resource}/mcp` },
  { title: "by the metadata at the root URL only", challenge: false, missing: [`${resource}/mcp`], found: resource },
  { title: "by OpenID discovery only", challenge: true, missing: [authorizationServer], found: openid },
];

describe("@modelcontextprotocol/client finds the authorization server", () => {
  for (const { title, found, ...limits } of ways) {
    test(title, { timeout: 30_000 }, async () => {
      const provider = new MemoryProvider((start, destination) =>
        signIn({ start, destination, origin: tenantOrigin(), person: person() }),
      );
      const { fetch, asked } = limitedFetch(limits);
      const { client, errors } = await connect({}, provider, fetch);
      try {
        checkResult("whoami", await client.callTool({ name: "whoami", arguments: argumentsOf("whoami") }));
      } finally {
        await client.close();
      }
      assert.ok(asked.includes(found), asked.join(" "));
      assert.deepEqual(errors, []);
    });
  }
});
