"""A small OpenAI-compatible server on a real socket, which answers, or fails, as a test says."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import urlsplit


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion as a server sends it."""
    return {
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


@dataclass
class Reply:
    """What the server does with one request."""

    body: Any = None  # JSON, or bytes as they are
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    # the connection broken before, or in the middle of, the body; a byte at a time, from the first or from the body on
    fault: Literal["reset", "cut", "drip", "drip body"] | None = None


@dataclass
class Asked:
    """One chat request as it came in."""

    payload: dict[str, Any]
    headers: dict[str, str]
    raw: bytes
    at: float


class ChatServer:
    """Serves `/v1/models` and `/v1/chat/completions` while its context lasts.

    Args:
        answer: from a request's payload and its number (from 1) to text, or a Reply.
        models: what `/v1/models` lists, or a Reply.
        tls: serves https.
        prefix: of its paths.

    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any], int], str | Reply] = lambda payload, number: "country: Japan\ncity: Kyoto",
        models: list[str] | Reply | None = None,
        tls: ssl.SSLContext | None = None,
        prefix: str = "/v1",
    ) -> None:
        self.answer = answer
        self.prefix = prefix
        self.models = ["tiny"] if models is None else models
        self.asked: list[Asked] = []
        self.peak = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._tls = tls
        self._server = self._listen(0)
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}/v1"

    def _listen(self, port: int) -> _Server:
        server = _Server(("127.0.0.1", port), _handler(self))
        if self._tls is not None:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kill(self) -> None:
        """As if its process was killed: every connection is cut, and nothing listens there any more."""
        self.__exit__()
        for connection in list(self._server.connections):
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)

    def revive(self) -> None:
        """Listen at the same address again."""
        self._server = self._listen(self._server.server_port)
        self.__enter__()

    def settle(self) -> None:
        """Wait until everybody who asked has gone away, and what they asked was heard."""
        time.sleep(0.15)  # who was not let in yet
        deadline = time.monotonic() + 60
        while self._server.connections:
            assert time.monotonic() < deadline, "a client stays connected"
            time.sleep(0.01)

    def reply(self, raw: bytes, headers: dict[str, str]) -> Reply:
        asked = Asked(json.loads(raw), headers, raw, time.monotonic())
        with self._lock:
            self.asked.append(asked)
            number = len(self.asked)
            self._in_flight += 1
            self.peak = max(self.peak, self._in_flight)
        try:
            reply = self.answer(asked.payload, number)
            if isinstance(reply, str):
                reply = Reply(completion(reply))
            time.sleep(reply.delay)
            return reply
        finally:
            with self._lock:
                self._in_flight -= 1

    def listing(self) -> Reply:
        if isinstance(self.models, Reply):
            return self.models
        return Reply({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


def _handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            known = urlsplit(self.path).path == f"{server.prefix}/models"
            self.send(server.listing() if known else Reply({"detail": "Not Found"}, 404))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            known = urlsplit(self.path).path == f"{server.prefix}/chat/completions"
            self.send(server.reply(raw, dict(self.headers)) if known else Reply({"detail": "Not Found"}, 404))

        def send(self, reply: Reply) -> None:
            if reply.fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            if reply.fault == "drip":
                self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"." * 4000)
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.fault == "cut":
                body = body[: len(body) // 2]
                self.close_connection = True
            if reply.fault == "drip body":
                self.wfile.flush()
                self.drip(body)
            self.wfile.write(body)
            self.wfile.flush()

        def drip(self, data: bytes) -> None:
            for i in range(len(data)):
                self.connection.sendall(data[i : i + 1])
                time.sleep(0.02)

        def log_message(self, *args: object) -> None:
            """Silent: tests read what was asked from the server object."""

    return Handler
