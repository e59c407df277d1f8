// Where the server, its tenant and the person who signs in are: all of it comes from the environment.

/** The value of an environment variable that a test cannot do without. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: see tests/clients/README.md`);
  return value;
}

/** The URL of the MCP endpoint under test. */
export const mcpUrl = () => new URL(required("MCP_URL")).href;

/** The origin of the tenant's sign-in pages. */
export const tenantOrigin = () => new URL(required("TENANT_URL")).origin;

/** Who signs in. This person may use all tools and has connected a calendar. */
export const person = () => ({ email: required("PERSON_EMAIL"), password: required("PERSON_PASSWORD") });

/** Somebody who may use all tools, has connected nothing, and has a calendar to find; and an access token of theirs. */
export const newcomer = () => ({ email: required("NEWCOMER_EMAIL"), token: required("NEWCOMER_TOKEN") });
