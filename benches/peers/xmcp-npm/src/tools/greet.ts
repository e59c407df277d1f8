import type { ToolExtraArguments, ToolMetadata } from "xmcp";
import { z } from "zod";
import { claimsWith } from "../scope";

export const schema = { name: z.string().optional().describe("The name of the person to greet (optional)") };

export const metadata: ToolMetadata = {
  name: "greet",
  description: "Greet a user with personalized authentication information from Auth0",
};

export default function greet({ name }: { name?: string }, extra: ToolExtraArguments) {
  const greeting = `Hello, ${claimsWith("tool:greet", extra).name ?? name ?? "there"}!`;
  return `${greeting}\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.`;
}
