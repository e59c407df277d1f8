// Verifies the token of each request, as xmcp's Auth0 plugin does. It looks up no permissions.

import { createRemoteJWKSet, jwtVerify } from "jose";
import type { Middleware } from "xmcp";

const { ISSUER, AUDIENCE } = process.env;
const keys = createRemoteJWKSet(new URL(".well-known/jwks.json", ISSUER));

const middleware: Middleware = async (request, response, next) => {
  const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
  try {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, algorithms: ["RS256"] });
    const scopes = String(payload.scope ?? "").split(" ");
    Object.assign(request, { auth: { token, clientId: String(payload.azp ?? ""), scopes, extra: payload } });
  } catch {
    response.status(401).set("www-authenticate", "Bearer").end();
    return;
  }
  next();
};

export default middleware;
