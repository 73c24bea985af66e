"""A real vLLM on this machine, for the tests that want one: $GLOBE_VLLM_ENV names an environment that has it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

VLLM_ENV = os.environ.get("GLOBE_VLLM_ENV", "")

ROOT = Path(__file__).parents[2]
START_S, RUN_S = 300, 600
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "2",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


@contextmanager
def served(checkpoint: Path, log: Path) -> Iterator[str]:
    """The base URL of a vLLM server of its own."""
    url = free_url()
    server = start(checkpoint, log, url)
    try:
        yield url
    finally:
        stop(server)


def free_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def start(checkpoint: Path, log: Path, url: str) -> subprocess.Popen[bytes]:
    """A vLLM server that answers there."""
    port = url.removesuffix("/v1").rpartition(":")[2]
    command = [
        *(f"{VLLM_ENV}/bin/vllm", "serve", str(checkpoint), "--host", "127.0.0.1", "--port", port),
        *("--served-model-name", "tiny", "--dtype", "float32", "--max-model-len", "2048", "--enforce-eager"),
        *("--limit-mm-per-prompt", '{"image": 1, "video": 0}'),
    ]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + START_S
    while not answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            stop(server)
            pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
        time.sleep(1)
    return server


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/models").status_code == 200
    except httpx.HTTPError:
        return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and the processes that it started."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, sent)
            server.wait(30)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
