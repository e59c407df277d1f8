"""A tool in Python, in a component of its own: an MCP server with one tool, which reads a calendar through Doorward."""

import json
from datetime import datetime, timezone
from urllib.parse import urlencode

from spin_sdk import http, variables
from spin_sdk.http import Request, Response

CACHED = {"ttlMs": 60000, "cacheScope": "public"}
SERVER = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
TOOL = {
    "name": "next_event",
    "title": "Next event",
    "description": "Tells what is next in your calendar",
    "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
    "annotations": {"readOnlyHint": True},
}


def text(words: str, failed: bool = False) -> dict:
    return {"content": [{"type": "text", "text": words}], "isError": failed}


async def next_event(meta: dict) -> dict:
    """Asks the calendar, with the token of the caller's account, which Doorward attaches."""
    egress = meta["doorward/egress"]
    host = (await variables.get("google_api_url")).split("://")[1]
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = urlencode({"timeMin": now, "maxResults": 1, "singleEvents": "true", "orderBy": "startTime"})
    url = f"{egress['url']}/{host}/calendar/v3/calendars/primary/events?{query}"
    response = await http.send(Request("GET", url, {"doorward-capability": egress["capability"]}, None))
    if response.status != 200:
        return text(f"The calendar answered with the status {response.status}.", failed=True)
    events = json.loads(response.body).get("items", [])
    if not events:
        return text("Nothing is planned.")
    start = events[0]["start"]
    return text(f"{events[0].get('summary', 'An event')}, {start.get('dateTime') or start['date']}")


async def answer(message: dict) -> dict:
    method, params = message["method"], message.get("params", {})
    if method == "server/discover":
        result = CACHED | SERVER
    elif method == "tools/list":
        result = CACHED | {"tools": [TOOL]}
    elif method == "tools/call" and params["name"] == "next_event":
        result = await next_event(params["_meta"])
    else:
        return {"error": {"code": -32601, "message": "Unknown method or tool"}}
    return {"result": {"resultType": "complete"} | result}


class HttpHandler(http.Handler):
    async def handle_request(self, request: Request) -> Response:
        message = json.loads(request.body)
        response = {"jsonrpc": "2.0", "id": message["id"]} | await answer(message)
        return Response(200, {"content-type": "application/json"}, json.dumps(response).encode())
