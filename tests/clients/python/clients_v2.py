"""Clients on the second generation of the Python SDK: they sign in, list, call, and step up without going in circles."""

import json
import unittest

from support import ARGUMENTS, CALLS, MCP_URL, TOOLS, ClientTest, SignIns

from mcp import Client
from mcp.client.auth import AuthorizationCodeResult
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


def signed_in():
    sign_ins = SignIns()
    result = lambda query: AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))
    return sign_ins, sign_ins.provider(result)


class Clients(ClientTest):
    async def test_the_sdk(self):
        sign_ins, auth = signed_in()
        async with create_mcp_http_client(auth=auth) as http:
            async with Client(streamable_http_client(MCP_URL, http_client=http)) as client:
                self.assertEqual(sorted(tool.name for tool in (await client.list_tools()).tools), TOOLS)
                for tool in CALLS:
                    result = await client.call_tool(tool, ARGUMENTS[tool])
                    self.check(tool, result.content[0].text)
        self.check_end(sign_ins)

    async def test_fastmcp(self):
        from fastmcp import Client as FastMCP

        sign_ins, auth = signed_in()
        async with FastMCP(MCP_URL, auth=auth) as client:
            self.assertEqual(sorted(tool.name for tool in await client.list_tools()), TOOLS)
            for tool in CALLS:
                self.check(tool, (await client.call_tool(tool, ARGUMENTS[tool])).content[0].text)
        self.check_end(sign_ins)

    async def test_openai_agents(self):
        from agents import Agent, RunContextWrapper
        from agents.mcp import MCPServerStreamableHttp, MCPUtil
        from agents.tool_context import ToolContext

        sign_ins, auth = signed_in()
        async with MCPServerStreamableHttp({"url": MCP_URL, "auth": auth}) as server:
            agent = Agent(name="Test", mcp_servers=[server])
            functions = await MCPUtil.get_all_function_tools([server], True, RunContextWrapper(None), agent)
            functions = {function.name: function for function in functions}
            self.assertEqual(sorted(functions), TOOLS)
            for tool in CALLS:
                function, arguments = functions[tool], ARGUMENTS[tool]
                # A strict mode has the model send every argument.
                strict = {name: None for name in function.params_json_schema["required"]} | arguments
                if function.strict_json_schema:
                    arguments = strict
                arguments = json.dumps(arguments)
                context = ToolContext(None, tool_name=tool, tool_call_id="1", tool_arguments=arguments)
                self.check(tool, (await function.on_invoke_tool(context, arguments))["text"])
        self.check_end(sign_ins)

    async def test_pydantic_ai(self):
        from pydantic_ai import Agent
        from pydantic_ai.mcp import MCPToolset
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        offered = []

        def model(messages, info):
            """Calls the tools in turn."""
            offered.append(sorted(tool.name for tool in info.function_tools))
            called = sum(isinstance(message, ModelResponse) for message in messages)
            if called == len(CALLS):
                return ModelResponse([TextPart("Done.")])
            return ModelResponse([ToolCallPart(CALLS[called], ARGUMENTS[CALLS[called]])])

        sign_ins, auth = signed_in()
        agent = Agent(FunctionModel(model), toolsets=[MCPToolset(MCP_URL, auth=auth)])
        result = await agent.run("Call every tool.")
        self.assertEqual(offered[0], TOOLS)
        parts = [part for message in result.all_messages() for part in message.parts]
        returned = [part for part in parts if part.part_kind == "tool-return"]
        self.assertEqual([part.tool_name for part in returned], CALLS)
        self.check_end(sign_ins)


if __name__ == "__main__":
    unittest.main()
