"""What the tests of the Python clients share: signing in, the tools, and a log that has to stay empty."""

import asyncio
import logging
import os
import unittest
import warnings
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPErrorProcessor, Request, build_opener

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

MCP_URL = os.environ["MCP_URL"]
EMAIL, PASSWORD = os.environ["PERSON_EMAIL"], os.environ["PERSON_PASSWORD"]

# No server listens here: the browser of these tests stops before it.
REDIRECT = "http://127.0.0.1:33418/callback"

ARGUMENTS = {"calendar_summary": {}, "get_datetime": {}, "greet": {"name": "Zoë"}, "whoami": {}}
TOOLS = sorted(ARGUMENTS)

# The server of these tests names `tool:whoami` alone when a client signs in. The two other private
# tools ask for their scopes, once each.
CALLS = ["whoami", "greet", "whoami", "calendar_summary", "greet", "whoami", "get_datetime", "calendar_summary"]
SIGN_INS = 3

TEXTS = {
    "calendar_summary": r"Calendar Summary for ",
    "get_datetime": r"\d{4}-\d\d-\d\dT",
    "greet": r"Hello, ",
    "whoami": r'"sub":\s*"auth0\|owner"',
}


class NoRedirect(HTTPErrorProcessor):
    def http_response(self, request, response):
        return response


class Form(HTMLParser):
    """The first form of a page, filled in and agreed to."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.ended, self.agreed = None, {}, False, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if self.ended:
            return
        if tag == "form":
            self.action = attrs.get("action") or ""
        if tag == "input" and attrs.get("name") and attrs.get("type") != "submit":
            filled = {"email": EMAIL, "password": PASSWORD}.get(attrs.get("type"), attrs.get("value", ""))
            self.fields[attrs["name"]] = filled
        if tag == "button" and attrs.get("name") and not self.agreed:
            self.agreed = True
            self.fields[attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        self.ended = self.ended or tag == "form"


def browse(url, destination):
    """Signs in, and returns the URL that the tenant sends the browser to."""
    opener = build_opener(NoRedirect, HTTPCookieProcessor(CookieJar()))
    data = None
    for _ in range(12):
        if url.startswith(destination):
            return url
        response = opener.open(Request(url, data=data), timeout=10)
        page = response.read().decode()
        if response.headers["location"]:
            url, data = urljoin(url, response.headers["location"]), None
            continue
        form = Form(page)
        if form.action is None:
            raise AssertionError(f"{url} has no form: {page[:500]}")
        url, data = urljoin(url, form.action or url), urlencode(form.fields).encode()
    raise AssertionError(f"the sign-in did not end: {url}")


class Storage:
    """Tokens and the registration, in memory."""

    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class SignIns:
    """Counts how often somebody has to sign in, and makes what the SDK needs for it."""

    def __init__(self):
        self.count, self.callback = 0, None

    def __deepcopy__(self, memo):
        """Clients copy their settings; there is one person all the same."""
        return self

    async def redirect(self, url):
        self.count += 1
        query = parse_qs(urlsplit(await asyncio.to_thread(browse, url, REDIRECT)).query)
        self.callback = {name: values[0] for name, values in query.items()}

    def provider(self, result):
        """`result` makes of the callback's parameters what this generation of the SDK takes."""
        metadata = OAuthClientMetadata(
            client_name="Doorward client test",
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token"],
            token_endpoint_auth_method="none",
        )

        async def callback():
            return result(self.callback)

        return OAuthClientProvider(MCP_URL, metadata, Storage(), self.redirect, callback)


class ClientTest(unittest.IsolatedAsyncioTestCase):
    """A test that fails if a client complains about what the server sends."""

    def setUp(self):
        self.complaints = []
        test = self

        class Handler(logging.Handler):
            def emit(self, record):
                test.complaints.append(f"{record.name}: {record.getMessage()}")

        handler = Handler(logging.WARNING)
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)
        # Deprecations are between a client and its own dependencies.
        warnings.simplefilter("ignore", DeprecationWarning)

    async def asyncSetUp(self):
        # How busy the machine is does not matter.
        asyncio.get_running_loop().slow_callback_duration = 60

    def check(self, tool, text):
        self.assertRegex(text, TEXTS[tool])

    def check_end(self, sign_ins):
        self.assertEqual(sign_ins.count, SIGN_INS, "one sign-in, and one more for each scope that was missing")
        self.assertEqual(self.complaints, [])
