"""One HTTP/1.1 connection to a server, kept alive, on aiohttp: a deadline for each exchange as a whole, a bounded body.

httpx, requests and urllib3 bound each read and not the exchange, so that a server that drips bytes holds a request for
ever; `perf/endpoint.py` compares what they cost.
"""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.request
from base64 import b64encode
from codecs import lookup
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from globe_eval.errors import InputError

CONNECT_S = 10.0
MAX_BODY = 64 << 20
"""Bytes of a reply, unpacked; an answer of a hundred thousand tokens has half a million."""
_REDIRECTS = (301, 302, 307, 308)
_CA_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Unreachable(OSError):
    """There is no connection, and so nothing was sent."""


class Broken(OSError):
    """The exchange broke, took too long, or what came was no HTTP."""


class Reply(NamedTuple):
    """What a server said. `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body in the character set that it declares, UTF-8 where that is unknown."""
        _, _, charset = self.headers.get("Content-Type", "").lower().partition("charset=")
        try:
            encoding = lookup(charset.split(";")[0].strip(" \"'")).name if charset else json.detect_encoding(self.body)
        except LookupError:
            encoding = "utf-8"
        return self.body.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")

    def json(self) -> Any:
        """The body's JSON. Raises ValueError, also for one that is nested too deeply."""
        try:
            return json.loads(self.text)
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None


class Connection:
    """A connection to one server, made when it is first needed and again when it was closed. For one task.

    Args:
        url: scheme, host, port, path and query; a user name and password are sent as Basic authentication.
        headers: sent with each request.
        tls: for https.

    """

    def __init__(self, url: URL, headers: Mapping[str, str], tls: ssl.SSLContext) -> None:
        self._url = url.with_user(None)
        self._headers = {**headers, **_basic(url)}
        self._tls = tls
        self._proxy = proxy_of(url)
        self._targets: dict[str, URL] = {}
        self._session: aiohttp.ClientSession | None = None
        self.closed_for: str | None = None
        """The id of the reply for whose coming twice it was closed."""

    async def exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send a request to `path` below the address and read the whole reply, all within `timeout` seconds.

        A redirection to the same host is followed.

        Raises:
            Unreachable: no connection.
            Broken: the exchange broke or took too long, or the reply is larger than MAX_BODY.

        """
        url = self._targets.get(path) or self._targets.setdefault(
            path, self._url.with_path(f"{self._url.path.rstrip('/')}/{path}", keep_query=True)
        )
        deadline = time.monotonic() + timeout
        try:
            for _ in range(4):
                reply = await self._exchange(method, url, body, deadline - time.monotonic())
                target = reply.headers.get("Location")
                if reply.status not in _REDIRECTS or target is None:
                    break
                there = url.join(URL(target))
                if (there.host, there.scheme) not in ((url.host, url.scheme), (url.host, "https")):
                    said = f"it points to {there.scheme}://{there.host}; if that is right, correct base_url"
                    return Reply(reply.status, reply.headers, said.encode())
                url = there
        except TimeoutError:
            await self.close()
            raise Broken(f"TimeoutError: no complete reply within {timeout:g} s") from None
        except BaseException:
            await self.close()
            raise
        return reply

    async def _exchange(self, method: str, url: URL, body: bytes | None, left: float) -> Reply:
        if left <= 0:
            raise TimeoutError
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1, ssl=self._tls),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        limits = aiohttp.ClientTimeout(total=left, sock_connect=min(CONNECT_S, left), ceil_threshold=3600)
        try:
            async with self._session.request(
                method, url, data=body, timeout=limits, allow_redirects=False, proxy=self._proxy
            ) as reply:
                parts, size = [], 0
                async for part in reply.content.iter_any():
                    parts.append(part)
                    size += len(part)
                    if size > MAX_BODY:
                        raise Broken(f"the reply is larger than {MAX_BODY >> 20} MB")
                return Reply(reply.status, reply.headers, b"".join(parts))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
            through = f" through the proxy {self._proxy.with_user(None)}" if self._proxy else ""
            raise Unreachable(f"{_reason(error)}{through}") from None
        except (aiohttp.ClientError, ConnectionError, ValueError) as error:
            raise Broken(_reason(error)) from None

    async def close(self) -> None:
        """Close it; the next exchange connects anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def tls_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """What https is checked with: the system's authorities and certifi's, or those of one file.

    Args:
        ca_bundle: a PEM file; else the one that SSL_CERT_FILE or REQUESTS_CA_BUNDLE names, if any.

    Raises InputError for a file that holds no certificate.
    """
    named = ca_bundle or next((os.environ[name] for name in _CA_BUNDLES if os.environ.get(name)), None)
    try:
        context = ssl.create_default_context(cafile=named)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"endpoint: ca_bundle {named}: {getattr(error, 'strerror', None) or error}") from None
    if named is None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def proxy_of(url: URL) -> URL | None:
    """The proxy that the environment names for an address (http_proxy, https_proxy, all_proxy, no_proxy).

    Raises InputError for one that is no HTTP proxy.
    """
    proxies = urllib.request.getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or urllib.request.proxy_bypass(url.host or ""):
        return None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https"):
        raise InputError(
            f"endpoint: the environment names the proxy {proxy.with_user(None)}; allowed: http://… and https://…, or "
            f"none for this address (no_proxy={url.host})"
        )
    return proxy


def _basic(url: URL) -> dict[str, str]:
    if not url.user and not url.password:
        return {}
    pair = f"{url.user or ''}:{url.password or ''}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode('ascii')}"}


def _reason(error: BaseException) -> str:
    """The system's own words where aiohttp wraps them."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return f"{type(inner).__name__}: {inner}"
