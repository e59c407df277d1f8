"""The same four tools, written in the usual way for FastMCP and its Auth0 provider.

The server verifies each token and checks its scopes. It looks up no permissions.
"""

import os
from datetime import UTC, datetime

import httpx2
import uvicorn
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import require_scopes
from fastmcp.server.auth.providers.auth0 import Auth0MCPProvider
from fastmcp.server.dependencies import get_access_token

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
PORT = int(os.environ["PORT"])

auth = Auth0MCPProvider(
    config_url=f"{ISSUER}.well-known/openid-configuration",
    base_url=f"http://127.0.0.1:{PORT}",
    resource_base_url=AUDIENCE.removesuffix("/mcp"),
)
mcp = FastMCP("peer", auth=auth)
client = httpx2.AsyncClient(base_url=ISSUER)


@mcp.tool(auth=require_scopes("tool:whoami"))
async def whoami() -> dict:
    """Returns information about the authenticated user"""
    token = get_access_token()
    user = {name: token.claims.get(name) for name in ("sub", "name", "email")}
    return {"user": user, "scopes": token.scopes}


@mcp.tool(auth=require_scopes("tool:greet"))
async def greet(name: str | None = None) -> str:
    """Greet a user with personalized authentication information from Auth0"""
    greeting = f"Hello, {get_access_token().claims.get('name') or name or 'there'}!"
    return f"{greeting}\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward."


@mcp.tool
async def get_datetime() -> str:
    """Returns the current UTC date and time"""
    return datetime.now(UTC).isoformat()


@mcp.tool(auth=require_scopes("tool:calendar_summary"))
async def calendar_summary() -> str:
    """Returns a summary of the user's Google Calendar events"""
    exchanged = await client.post(
        "oauth/token",
        data={
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
            "subject_token": get_access_token().token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "connection": "google-oauth2",
            "grant_type": "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
            "requested_token_type": "http://auth0.com/oauth/token-type/federated-connection-access-token",
        },
    )
    if exchanged.status_code != 200:
        raise ToolError("The calendar cannot be read")
    day = datetime.now(UTC).date()
    events = await client.get(
        "calendar/v3/calendars/primary/events",
        params={
            "timeMin": f"{day}T00:00:00Z",
            "timeMax": f"{day}T23:59:59Z",
            "singleEvents": "true",
            "orderBy": "startTime",
        },
        headers={"authorization": f"Bearer {exchanged.json()['access_token']}"},
    )
    if events.status_code != 200:
        raise ToolError("The calendar cannot be read")
    return "\n".join(event.get("summary", "") for event in events.json()["items"])


app = mcp.http_app(path="/mcp", stateless_http=True, json_response=True)
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", access_log=False)
