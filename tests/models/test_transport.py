"""The connection to an endpoint: https, proxies, users in an address; how many requests are in flight."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from endpoints import echo, endpoint, requests_for
from servers import ChatServer, Reply, completion

from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models.endpoint import Endpoint


@contextmanager
def tunnel(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """A proxy for one connection at a time: its address and the heads of what it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    heads: list[str] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # closed already
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            if tls is not None:
                client = tls.wrap_socket(client, server_side=True)
            heads.append(client.recv(1 << 16).decode())
            host, port = heads[-1].split()[1].rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http{'s' * (tls is not None)}://me:planted-password@127.0.0.1:{listener.getsockname()[1]}", heads
    listener.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate")
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file.with_suffix(".key")), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    return file


def test_https_with_the_certificate_checked(
    photographs: list[Photograph], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with ChatServer(echo, tls=tls) as server:
        with pytest.raises(InputError, match=r"nothing answers there .*certificate"):
            endpoint(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert endpoint(server).generate_until(requests_for(photographs[:30])) == [f"answer {i}" for i in range(30)]
        for of_proxy in (None, tls):
            with tunnel(of_proxy) as (proxy, heads):
                monkeypatch.setenv("https_proxy", proxy)
                model = endpoint(server, num_concurrent=1)
                assert model.generate_until(requests_for(photographs[:2])) == ["answer 0", "answer 1"]
                assert len(heads) == 2 and all(head.startswith("CONNECT 127.0.0.1:") for head in heads)
                assert all("Proxy-Authorization: Basic" in head and "Bearer" not in head for head in heads)


def test_a_proxy_of_the_environment_is_used(photographs: list[Photograph], monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(echo) as server:
        monkeypatch.setenv("http_proxy", server.base_url.removesuffix("/v1"))
        model = Endpoint("http://models.example:81/v1")
        assert model.generate_until(requests_for(photographs[:2])) == ["answer 0", "answer 1"]
        assert {one.headers["Host"] for one in server.asked} == {"models.example:81"}
        monkeypatch.setenv("no_proxy", "models.example")
        with pytest.raises(InputError, match="nothing answers there"):
            Endpoint("http://models.example:81/v1")
    monkeypatch.setenv("http_proxy", "socks5://me:planted-password@127.0.0.1:1080")
    with pytest.raises(InputError, match=r"the proxy socks5://127.0.0.1:1080; allowed: http://") as caught:
        Endpoint("http://other.example/v1")
    assert "planted" not in str(caught.value)


def test_a_user_name_in_the_address_is_sent(photographs: list[Photograph]) -> None:
    with ChatServer(echo) as server:
        model = Endpoint(server.base_url.replace("http://", "http://me:p%40ss@") + "?token=1")
        model.generate_until(requests_for(photographs[:1]))
        assert server.asked[0].headers["Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss


@pytest.mark.parametrize("concurrency", [1, 7, 8, 24])
def test_concurrency_is_reached_and_never_exceeded(photographs: list[Photograph], concurrency: int) -> None:
    def answer(payload: dict[str, Any], number: int) -> Reply:
        """The first at once; after it none before so many are in flight, and then there is time for one too many."""
        if server.peak >= concurrency:
            reached.set()
        if number > 1:
            reached.wait(60)
        return Reply(completion("x"), delay=0.1)

    reached = threading.Event()
    with ChatServer(answer) as server:
        several = (3 * requests_for(photographs))[: 4 * concurrency + 1]
        endpoint(server, num_concurrent=concurrency).generate_until(several)
        assert server.peak == concurrency


def test_leaving_early_sends_nothing_more(photographs: list[Photograph]) -> None:
    held = threading.Event()

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > 1:
            held.wait(60)
        return Reply(completion("x"))

    with ChatServer(answer) as server:
        for _ in endpoint(server, num_concurrent=3).answers(requests_for(photographs)):
            break
        held.set()
        time.sleep(0.3)
        assert len(server.asked) <= 4


def test_what_was_read_ahead_is_not_sent_after_leaving(photographs: list[Photograph]) -> None:
    held = threading.Event()

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > 1:
            held.wait(60)
        return Reply(completion("x"))

    with ChatServer(answer) as server:
        for _ in endpoint(server, num_concurrent=16).answers(requests_for(photographs)):
            deadline = time.monotonic() + 60
            while len(server.asked) < 17 and time.monotonic() < deadline:
                time.sleep(0.01)
            break  # with sixteen in flight, and two of the next read and encoded
        held.set()
        time.sleep(0.3)
        assert len(server.asked) == 17
