"""Clients on the first generation of the Python SDK, as `clients_v2.py`."""

import asyncio
import unittest

from support import ARGUMENTS, CALLS, MCP_URL, TOOLS, ClientTest, SignIns

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


def signed_in():
    sign_ins = SignIns()
    return sign_ins, sign_ins.provider(lambda query: (query["code"], query.get("state")))


class Clients(ClientTest):
    async def test_the_sdk(self):
        sign_ins, auth = signed_in()
        async with streamablehttp_client(MCP_URL, auth=auth) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                self.assertEqual(sorted(tool.name for tool in (await session.list_tools()).tools), TOOLS)
                for tool in CALLS:
                    result = await session.call_tool(tool, ARGUMENTS[tool])
                    self.check(tool, result.content[0].text)
        self.check_end(sign_ins)

    async def test_langchain(self):
        from langchain_mcp_adapters.client import MultiServerMCPClient

        sign_ins, auth = signed_in()
        client = MultiServerMCPClient({"doorward": {"transport": "streamable_http", "url": MCP_URL, "auth": auth}})
        tools = {tool.name: tool for tool in await client.get_tools()}
        self.assertEqual(sorted(tools), TOOLS)
        for tool in CALLS:
            content = await tools[tool].ainvoke(ARGUMENTS[tool])
            self.check(tool, content if isinstance(content, str) else content[0]["text"])
        self.check_end(sign_ins)

    async def test_smolagents(self):
        await asyncio.to_thread(self.smolagents)

    def smolagents(self):
        from smolagents import ToolCollection

        sign_ins, auth = signed_in()
        server = {"url": MCP_URL, "transport": "streamable-http", "auth": auth}
        with ToolCollection.from_mcp(server, trust_remote_code=True, structured_output=False) as collection:
            tools = {tool.name: tool for tool in collection.tools}
            self.assertEqual(sorted(tools), TOOLS)
            for tool in CALLS:
                self.check(tool, tools[tool](**ARGUMENTS[tool]))
        self.check_end(sign_ins)


if __name__ == "__main__":
    unittest.main()
