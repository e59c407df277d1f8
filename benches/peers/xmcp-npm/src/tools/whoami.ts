import type { ToolExtraArguments, ToolMetadata } from "xmcp";
import { claimsWith } from "../scope";

export const schema = {};

export const metadata: ToolMetadata = {
  name: "whoami",
  description: "Returns information about the authenticated user",
};

export default function whoami(_: object, extra: ToolExtraArguments) {
  const { sub, name, email } = claimsWith("tool:whoami", extra);
  return JSON.stringify({ user: { sub, name, email }, scopes: extra.authInfo?.scopes });
}
