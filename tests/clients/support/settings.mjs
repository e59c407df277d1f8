// Reads from the environment which server, tenant and users the tests use.

/** The value of a required environment variable. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: see tests/clients/README.md`);
  return value;
}

/** The URL of the MCP endpoint under test. */
export const mcpUrl = () => new URL(required("MCP_URL")).href;

/** The origin of the tenant's sign-in pages. */
export const tenantOrigin = () => new URL(required("TENANT_URL")).origin;

/** The user who signs in, with all permissions and a connected calendar. */
export const person = () => ({ email: required("PERSON_EMAIL"), password: required("PERSON_PASSWORD") });

/**
 * Another user with an access token. This user has all permissions and a calendar, but no connected
 * account.
 */
export const newcomer = () => ({ email: required("NEWCOMER_EMAIL"), token: required("NEWCOMER_TOKEN") });
