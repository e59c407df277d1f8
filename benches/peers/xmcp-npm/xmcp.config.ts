import type { XmcpConfig } from "xmcp";

// The port is fixed when the server is built.
const config: XmcpConfig = {
  http: { host: "127.0.0.1", port: Number(process.env.PORT), endpoint: "/mcp" },
  paths: { tools: "./src/tools", prompts: false, resources: false },
};

export default config;
