"""One HTTP/1.1 connection to a server, kept alive, on urllib3: a deadline for each exchange as a whole, a bounded body.
And what a user says of it, checked: address, headers, certificates.

urllib3 bounds each read and not the exchange, so that a server that drips bytes would hold a request for ever: here a
socket's reads have together the time that is left. `docs/decisions/0014-transport.md` says why it is not aiohttp.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from codecs import lookup
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple, Self

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from yarl import URL

from globe_eval import secrets
from globe_eval.errors import InputError

CONNECT_S = 10.0
MAX_BODY = 64 << 20
"""Bytes of a reply, unpacked; an answer of a hundred thousand tokens has half a million."""
_REDIRECTS = (301, 302, 307, 308)
_FAILURES = (OSError, HTTPException, HTTPError, ValueError)
_CA_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Unreachable(OSError):
    """There is no connection, and so nothing was sent."""


class Broken(OSError):
    """The exchange broke, took too long, or what came was no HTTP."""


class Reply(NamedTuple):
    """An HTTP reply. `headers` are case-insensitive."""

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
    """A connection to one server, made when it is first needed and again when it was closed. For one thread.

    Args:
        url: scheme, host, port, path and query; a user name and password are sent as Basic authentication.
        headers: sent with each request.
        tls: for https.
    """

    def __init__(self, url: URL, headers: Mapping[str, str], tls: ssl.SSLContext) -> None:
        self._url = url.with_user(None)
        self._tls = tls
        self._proxy = proxy_of(url)
        self._headers = {"Accept-Encoding": "gzip, deflate", **headers, **_basic("Authorization", url)}
        self._proxy_headers = _basic("Proxy-Authorization", self._proxy) if self._proxy else {}
        self._forwarded = self._proxy is not None and url.scheme == "http"
        if self._forwarded:
            self._headers |= self._proxy_headers
        self._targets: dict[str, URL] = {}
        self._line: HTTPConnection | None = None
        self._origin: tuple[Any, ...] = ()
        self._deadline = 0.0
        self.closed_for: str | None = None
        """The id of the reply for whose coming twice it was closed."""

    def exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send a request to `path` below the address and read the whole reply, all within `timeout` seconds.

        A redirection to the same host is followed.

        Raises Unreachable without a connection; Broken where the exchange broke or took too long, or the reply is
        larger than MAX_BODY.
        """
        url = self._targets.get(path) or self._targets.setdefault(
            path, self._url.with_path(f"{self._url.path.rstrip('/')}/{path}", keep_query=True)
        )
        self._deadline = time.monotonic() + timeout
        try:
            for _ in range(4):
                reply = self._exchange(self._connected(url), method, url, body)
                target = reply.headers.get("Location")
                if reply.status not in _REDIRECTS or target is None:
                    break
                there = url.join(URL(target))
                if (there.host, there.scheme) not in ((url.host, url.scheme), (url.host, "https")):
                    said = f"it points to {there.scheme}://{there.host}; if that is right, correct base_url"
                    return Reply(reply.status, reply.headers, said.encode())
                url = there
            else:
                return Reply(reply.status, reply.headers, b"it redirects in a circle")
        except BaseException as error:
            self.close()
            if isinstance(error, Unreachable | Broken) or not isinstance(error, _FAILURES):
                raise
            if time.monotonic() >= self._deadline:
                raise Broken(f"TimeoutError: no complete reply within {timeout:g} s") from None
            raise Broken(_reason(error)) from None
        return reply

    def _connected(self, url: URL) -> HTTPConnection:
        """The connection to the origin of a URL; a new one where there is none, or where the server has hung up."""
        origin = url.scheme, url.raw_host, url.port
        if self._line is not None and self._line.is_connected and self._origin == origin:
            return self._line
        self.close()
        self._origin = origin
        self._line = line = self._new(url)
        line.timeout = min(CONNECT_S, self._left())
        try:
            line.connect()
        except _FAILURES as error:
            if time.monotonic() >= self._deadline:
                raise
            through = f" through the proxy {self._proxy.with_user(None)}" if self._proxy else ""
            raise Unreachable(f"{_reason(error)}{through}") from None
        return line

    def _new(self, url: URL) -> HTTPConnection:
        first = self._proxy or url
        at = first.raw_host or "", first.port
        if "https" in (url.scheme, first.scheme):
            policy = ProxyConfig(self._tls, False, None, None)  # of an https proxy that https goes through
            line: HTTPConnection = HTTPSConnection(*at, ssl_context=self._tls, proxy_config=policy)
        else:
            line = HTTPConnection(*at)
        if self._proxy is not None and not self._forwarded:
            line.set_tunnel(url.raw_host or "", url.port, self._proxy_headers, self._proxy.scheme)
        line.response_class = lambda sock, **more: HTTPResponse(_Timed(sock, self._left), **more)  # type: ignore[assignment, arg-type]
        return line

    def _exchange(self, line: HTTPConnection, method: str, url: URL, body: bytes | None) -> Reply:
        target = str(url.with_fragment(None)) if self._forwarded else url.raw_path_qs
        line.timeout = self._left()
        # A server may refuse a body before it has read it, and says why in a reply.
        with suppress(BrokenPipeError, ConnectionResetError):
            line.request(method, target, body, self._headers, preload_content=False)
        reply = line.getresponse()
        parts, size = [], 0
        for part in reply.stream(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise Broken(f"the reply is larger than {MAX_BODY >> 20} MB")
        return Reply(reply.status, reply.headers, b"".join(parts))

    def _left(self) -> float:
        """Seconds until the exchange has to be over. Raises TimeoutError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def close(self) -> None:
        """Close it; the next exchange connects anew."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Timed:
    """A socket as `http.client` reads it, each read bounded by the seconds that `left` gives."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._left), 1 << 14)


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left
        self._raw = sock.makefile("rb", buffering=0)  # keeps it open where a reply closes the connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def base_address(base_url: str) -> URL:
    """An address without `/chat/completions`. Raises InputError for what is none."""
    try:
        url = URL(str(base_url).strip())
        if url.scheme not in ("http", "https") or not url.host or url.port is None:
            raise ValueError
    except ValueError:
        shown = secrets.without_secrets({"": str(base_url)})[""]
        raise InputError(f"endpoint: base_url {shown!r} is no address such as http://localhost:8000/v1") from None
    path = url.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return url.with_path(path or "/", keep_query=True)


def expand_headers(headers: Any) -> dict[str, str]:
    """Headers with `$NAME` replaced from the environment; the replaced values are registered as secrets.

    Raises InputError for headers that are no object of texts, or name a variable that is not set.

    >>> expand_headers({"HTTP-Referer": "https://example.org"})
    {'HTTP-Referer': 'https://example.org'}
    """
    if headers is None:
        return {}
    example = """such as headers={"api-key": "$AZURE_API_KEY"}"""
    if not isinstance(headers, Mapping):
        raise InputError(f"endpoint: headers={headers!r}; allowed: an object of names and values, {example}")
    result = {}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", str(name)) or isinstance(value, dict | list):
            raise InputError(f"endpoint: headers: found {name!r}; allowed: a header's name and its value, {example}")

        def held(found: re.Match[str], name: str = name) -> str:
            variable = found[1] or found[2]
            if variable not in os.environ:
                raise InputError(
                    f"endpoint: headers: {name} wants the environment variable {variable}, which is not set"
                )
            return known_secret(os.environ[variable].strip(), variable)

        result[str(name)] = re.sub(r"\$(?:\{(\w+)\}|(\w+))", held, str(value))
        if "\n" in result[str(name)] or "\r" in result[str(name)]:
            raise InputError(f"endpoint: headers: the value of {name} has a line break")
        if secrets.is_secret_name(str(name)):
            secrets.keep(result[str(name)])
            secrets.keep(result[str(name)].rpartition(" ")[2])
    return result


def known_secret(key: str, variable: str) -> str:
    """A key from the environment, registered as a secret. Raises InputError for characters that no key has."""
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"endpoint: the environment variable {variable} holds characters that no key has")
    secrets.keep(key)
    return key


def tls_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """The TLS context: certificates of the system and of certifi, or those of one file.

    It is the PEM file `ca_bundle`, else the one that SSL_CERT_FILE or REQUESTS_CA_BUNDLE names, if any.

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


def _basic(header: str, url: URL) -> dict[str, str]:
    if not url.user and not url.password:
        return {}
    pair = f"{url.user or ''}:{url.password or ''}"
    return {header: f"Basic {b64encode(pair.encode()).decode('ascii')}"}


def _reason(error: BaseException) -> str:
    """The system's own words where urllib3 wraps them."""
    inner = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return f"{type(inner).__name__}: {inner}"
