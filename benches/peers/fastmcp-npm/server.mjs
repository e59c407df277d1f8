// The same four tools, written in the usual way for FastMCP and jose. The server verifies each
// token and checks its scopes. It looks up no permissions.

import { FastMCP, UserError } from "fastmcp";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { z } from "zod";

const { ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
const keys = createRemoteJWKSet(new URL(".well-known/jwks.json", ISSUER));

const server = new FastMCP({
  name: "peer",
  version: "1.0.0",
  async authenticate(request) {
    const token = request.headers.authorization?.replace(/^Bearer /, "");
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, algorithms: ["RS256"] });
      return { token, claims: payload, scopes: (payload.scope ?? "").split(" ") };
    } catch {
      throw new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
    }
  },
});

const holdersOf = (scope) => (session) => session.scopes.includes(scope);

server.addTool({
  name: "whoami",
  description: "Returns information about the authenticated user",
  canAccess: holdersOf("tool:whoami"),
  async execute(_, { session }) {
    const { sub, name, email } = session.claims;
    return JSON.stringify({ user: { sub, name, email }, scopes: session.scopes });
  },
});

server.addTool({
  name: "greet",
  description: "Greet a user with personalized authentication information from Auth0",
  parameters: z.object({ name: z.string().optional().describe("The name of the person to greet (optional)") }),
  canAccess: holdersOf("tool:greet"),
  async execute({ name }, { session }) {
    const greeting = `Hello, ${session.claims.name ?? name ?? "there"}!`;
    return `${greeting}\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.`;
  },
});

server.addTool({
  name: "get_datetime",
  description: "Returns the current UTC date and time",
  async execute() {
    return new Date().toISOString();
  },
});

server.addTool({
  name: "calendar_summary",
  description: "Returns a summary of the user's Google Calendar events",
  canAccess: holdersOf("tool:calendar_summary"),
  async execute(_, { session }) {
    const exchanged = await fetch(new URL("oauth/token", ISSUER), {
      method: "POST",
      body: new URLSearchParams({
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        subject_token: session.token,
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
        connection: "google-oauth2",
        grant_type: "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
        requested_token_type: "http://auth0.com/oauth/token-type/federated-connection-access-token",
      }),
    });
    if (!exchanged.ok) throw new UserError("The calendar cannot be read");
    const { access_token: token } = await exchanged.json();
    const day = new Date().toISOString().slice(0, 10);
    const events = new URL("calendar/v3/calendars/primary/events", ISSUER);
    events.search = new URLSearchParams({
      timeMin: `${day}T00:00:00Z`,
      timeMax: `${day}T23:59:59Z`,
      singleEvents: "true",
      orderBy: "startTime",
    });
    const answer = await fetch(events, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new UserError("The calendar cannot be read");
    const { items } = await answer.json();
    return items.map((event) => event.summary ?? "").join("\n");
  },
});

await server.start({
  transportType: "httpStream",
  httpStream: { host: "127.0.0.1", port: Number(PORT), endpoint: "/mcp", stateless: true, enableJsonResponse: true },
});
