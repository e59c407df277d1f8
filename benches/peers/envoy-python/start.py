"""Envoy as a gateway before an MCP server: it verifies each token, and allows a tool by a scope.

It looks up no permissions.
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
HTTP = "type.googleapis.com/envoy.extensions.filters.http"


def cluster(name, authority):
    host, port = authority.rsplit(":", 1)
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def metadata(name, path, value):
    keys = [{"key": key} for key in path]
    matcher = {"filter": name, "path": keys, "value": {"string_match": value}}
    return {"sourced_metadata": {"metadata_matcher": matcher}}


verify = {
    "@type": f"{HTTP}.jwt_authn.v3.JwtAuthentication",
    "providers": {
        "tenant": {
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "payload_in_metadata": "claims",
            "remote_jwks": {
                "http_uri": {"uri": f"{ISSUER}.well-known/jwks.json", "cluster": "tenant", "timeout": "5s"},
                "cache_duration": "600s",
            },
        }
    },
    "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "tenant"}}],
}
calls = metadata("envoy.filters.http.mcp", ["params", "name"], {"exact": "echo"})
holders = metadata("envoy.filters.http.jwt_authn", ["claims", "scope"], {"contains": "tool:greet"})
allow = {
    "@type": f"{HTTP}.rbac.v3.RBAC",
    "rules": {"policies": {"echo": {"permissions": [calls], "principals": [holders]}}},
}
manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "mcp",
    "route_config": {
        "virtual_hosts": [
            {"name": "mcp", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "mcp"}}]}
        ]
    },
    "http_filters": [
        {"name": "envoy.filters.http.jwt_authn", "typed_config": verify},
        {"name": "envoy.filters.http.mcp", "typed_config": {"@type": f"{HTTP}.mcp.v3.Mcp"}},
        {"name": "envoy.filters.http.rbac", "typed_config": allow},
        {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{HTTP}.router.v3.Router"}},
    ],
}
listener = {
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": int(os.environ["PORT"])}},
    "filter_chains": [
        {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    ],
}
clusters = [cluster("mcp", os.environ["UPSTREAM"]), cluster("tenant", urlsplit(ISSUER).netloc)]
config = {"static_resources": {"listeners": [listener], "clusters": clusters}}
Path("envoy.json").write_text(json.dumps(config))
envoy = str(Path(sys.executable).with_name("envoy"))
os.execv(envoy, [envoy, "-c", "envoy.json", "--disable-hot-restart", "--log-level", "warning"])
