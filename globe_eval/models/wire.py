"""One HTTP/1.1 connection that is kept alive, with a deadline for each exchange as a whole.

The usual clients bound each read, so that a server that drips bytes holds a request for ever; and they take two to five
times the CPU time for a picture (`perf/endpoint.py`).
"""

from __future__ import annotations

import io
import json
import select
import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple

import httpx

from globe_eval.errors import InputError

CONNECT_S = 10.0


class Unreachable(OSError):
    """There is no connection, and so nothing was sent."""


class Reply(NamedTuple):
    """What a server said."""

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body's JSON. Raises ValueError."""
        return json.loads(self.body)


class Connection:
    """A connection to one server, made when it is first needed and again when it was closed. For one thread.

    Args:
        url: scheme, host, port, path and query; a user name and password are sent as Basic authentication.
        headers: sent with each request.
        tls: for https.

    """

    def __init__(self, url: httpx.URL, headers: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self._url = url
        self._targets: dict[str, str] = {}  # path -> the request line's
        self._headers = {**headers, **_credentials("Authorization", url)}
        host, port, proxy = _host(url), url.port, proxy_of(url)
        self._absolute = proxy is not None and url.scheme == "http"
        if proxy is not None:
            host, port = _host(proxy), proxy.port or 80
            if self._absolute:
                self._headers |= _credentials("Proxy-Authorization", proxy)
        self._line = HTTPSConnection(host, port, context=tls) if url.scheme == "https" else HTTPConnection(host, port)
        if proxy is not None and not self._absolute:
            self._line.set_tunnel(_host(url), url.port, _credentials("Proxy-Authorization", proxy))

    def exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send a request to `path` below the address and read the whole reply, all within `timeout` seconds.

        Raises:
            Unreachable: no connection.
            OSError, HTTPException: it broke, or took too long, or what came was no HTTP.

        """
        target = self._targets.get(path) or self._targets.setdefault(path, self._target(path))
        deadline = time.monotonic() + timeout
        try:
            self._connect(min(CONNECT_S, timeout))
            return self._exchange(method, target, body, deadline)
        except TimeoutError:
            self.close()
            raise TimeoutError(f"no complete reply within {timeout:g} s") from None
        except BaseException:
            self.close()
            raise

    def _target(self, path: str) -> str:
        url = self._url.copy_with(path=f"{self._url.path.rstrip('/')}/{path}", userinfo=b"")
        return str(url) if self._absolute else url.raw_path.decode("ascii")

    def _connect(self, timeout: float) -> None:
        # Servers close a connection that was idle for some seconds, vLLM after five.
        if self._line.sock is not None and _readable(self._line.sock):
            self.close()
        if self._line.sock is None:
            self._line.timeout = timeout
            try:
                self._line.connect()
            except (OSError, HTTPException) as error:
                raise Unreachable(f"{type(error).__name__}: {error}") from None

    def _exchange(self, method: str, target: str, body: bytes | None, deadline: float) -> Reply:
        line = self._line
        line.sock.settimeout(_left(deadline))
        line.response_class = lambda sock, **more: HTTPResponse(_Timed(sock, deadline), **more)  # type: ignore[assignment, arg-type]
        # A server may refuse a body before it has read it, and says why in a reply.
        with suppress(BrokenPipeError, ConnectionResetError):
            line.request(method, target, body, self._headers)
        with line.getresponse() as response:
            return Reply(response.status, response.headers, response.read())

    def close(self) -> None:
        """Close it; the next exchange connects anew."""
        self._line.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Timed:
    """A socket as `http.client` reads it, each read bounded by what is left until the deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline), 1 << 14)


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _readable(sock: socket.socket) -> bool:
    """Whether something arrived that nobody asked for: as a rule, that the other side has hung up."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def proxy_of(url: httpx.URL) -> httpx.URL | None:
    """The proxy that the environment names for an address (http_proxy, https_proxy, all_proxy, no_proxy).

    Raises InputError for one that is no HTTP proxy.
    """
    proxies = urllib.request.getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or urllib.request.proxy_bypass(url.host):
        return None
    proxy = httpx.URL(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http":
        raise InputError(
            f"endpoint: the environment names the proxy {proxy.copy_with(userinfo=b'')}; allowed: http://…, or none "
            f"for this address (no_proxy={url.host})"
        )
    return proxy


def _credentials(header: str, url: httpx.URL) -> dict[str, str]:
    if not url.userinfo:
        return {}
    return {header: f"Basic {b64encode(f'{url.username}:{url.password}'.encode()).decode('ascii')}"}


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")
