import type { ToolExtraArguments } from "xmcp";

/** The claims of a token that has this scope. */
export function claimsWith(scope: string, { authInfo }: ToolExtraArguments): Record<string, unknown> {
  if (!authInfo?.scopes.includes(scope)) throw new Error(`The token lacks the scope ${scope}`);
  return authInfo.extra ?? {};
}
