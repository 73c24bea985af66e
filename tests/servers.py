"""A small OpenAI-compatible server on a real socket, which answers, or fails, as a test says."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self


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
    fault: Literal["reset", "cut"] | None = None  # the connection broken before, or in the middle of, the body


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

    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any], int], str | Reply] = lambda payload, number: "country: Japan\ncity: Kyoto",
        models: list[str] | Reply | None = None,
    ) -> None:
        self.answer = answer
        self.models = ["tiny"] if models is None else models
        self.asked: list[Asked] = []
        self.peak = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

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

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


def _handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            known = self.path.partition("?")[0] == "/v1/models"
            self.send(server.listing() if known else Reply({"detail": "Not Found"}, 404))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.path.partition("?")[0] == "/v1/chat/completions"
            self.send(server.reply(raw, dict(self.headers)) if known else Reply({"detail": "Not Found"}, 404))

        def send(self, reply: Reply) -> None:
            if reply.fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.fault == "cut":
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *args: object) -> None:
            """Silent: tests read what was asked from the server object."""

    return Handler
