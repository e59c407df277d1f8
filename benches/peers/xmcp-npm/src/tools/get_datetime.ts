import type { ToolMetadata } from "xmcp";

export const schema = {};

export const metadata: ToolMetadata = {
  name: "get_datetime",
  description: "Returns the current UTC date and time",
};

export default function getDatetime() {
  return new Date().toISOString();
}
