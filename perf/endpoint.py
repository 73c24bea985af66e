"""Requests a second, bytes, CPU and memory of the endpoint model, of lm-eval's and of a plain pool of threads.

    python perf/endpoint.py [--pictures 3000] [--repeats 3] [--memory]

One local server that answers every chat request after 50 ms, in a process of its own; 640 x 480 JPEGs of about 100 KB,
made here. Each client runs in a process of its own, one after the other, so that peak memory is its own; the figures
are medians over the rounds.

- ours: a whole `globe-eval run --model endpoint`, journal on; timed is the phase that asks.
- pool: threads with a `requests` session each, which send base64 of the file's bytes and keep nothing.
- lm-eval: `local-chat-completions` as `--apply_chat_template` uses it, on fewer pictures: it is slow.

To be held at 64 concurrent: at least lm-eval's x 30 and the pool's requests/s, at most 1.36 times the file's bytes. At
16: 95 % of concurrency / latency. With `--memory`: at most 200 MB at 1,000 pictures and 220 MB at 12,000.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
import os
import resource
import selectors
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

LATENCY_S = 0.05
PROMPT = "<image>Where was this photograph taken? Answer with the country and the city."
ANSWER = "<answer>country: Japan\ncity: Kyoto</answer>"
GREEDY = {"until": ["</s>"], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0}


# The server


class Chat(asyncio.BufferedProtocol):
    """As little as one connection needs: the bodies are counted and thrown away."""

    received: ClassVar[dict[str, int]] = {"requests": 0, "bytes": 0}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = bytearray(1 << 18)
        self.head = b""
        self.left = 0

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, n: int) -> None:
        if self.left:
            self.left -= n
            self.answer()
            return
        self.head += self.buffer[:n]
        head, end, rest = self.head.partition(b"\r\n\r\n")
        if not end:
            return
        self.head = b""
        if head.startswith(b"GET /received"):
            self.send(Chat.received)
            Chat.received = dict.fromkeys(Chat.received, 0)
        elif head.startswith(b"GET"):
            self.send({"data": [{"id": "tiny"}]})
        else:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            Chat.received["requests"] += 1
            Chat.received["bytes"] += length
            self.left = length - len(rest)
            self.answer()

    def answer(self) -> None:
        if self.left == 0:
            message = {"role": "assistant", "content": ANSWER}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 400, "completion_tokens": 12}
            asyncio.get_running_loop().call_later(LATENCY_S, self.send, {"choices": [choice], "usage": usage})

    def send(self, value: Any) -> None:
        body = json.dumps(value).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Chat, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served() -> Iterator[str]:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        finally:
            server.terminate()


# The clients: each gives the function whose time counts


def pictures(folder: Path, n: int) -> list[Path]:
    return sorted(folder.glob("*.jpg"))[:n]


def ours(base_url: str, concurrency: int, n: int, folder: Path) -> Callable[[], None]:
    from globe_eval.runs import journaled
    from globe_eval.runs.run import Request, run

    asked = {}

    class Timed(journaled.JournaledModel):
        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
            asked["figures"] = timed(lambda: asked.update(answers=super(Timed, self).generate_until(requests)))
            return asked["answers"]

    journaled.JournaledModel = Timed  # type: ignore[misc]

    def go() -> None:
        with tempfile.TemporaryDirectory() as output:
            ((written, results),) = run(
                Request(
                    "endpoint",
                    [str(folder / "noise.yaml")],
                    {"base_url": base_url, "model": "tiny", "num_concurrent": concurrency},
                    limit=n,
                    output_path=Path(output),
                )
            )
            assert results.n == n and results.status["city"] == n
            assert len((written / "journal.jsonl").read_text().splitlines()) == n + 1

    go.figures = lambda: asked["figures"]  # type: ignore[attr-defined]
    return go


def pool(base_url: str, concurrency: int, n: int, folder: Path) -> Callable[[], None]:
    """Threads that ask for one picture after the other."""
    import requests

    own = threading.local()

    def ask(path: Path) -> str:
        if not hasattr(own, "session"):
            own.session = requests.Session()
        url = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": PROMPT[7:]}]
        body = {"model": "tiny", "messages": [{"role": "user", "content": content}], "max_tokens": 64}
        reply = own.session.post(f"{base_url}/chat/completions", json=body, timeout=60)
        answer: str = reply.json()["choices"][0]["message"]["content"]
        return answer

    def go() -> None:
        with ThreadPoolExecutor(concurrency) as threads:
            assert list(threads.map(ask, pictures(folder, n))) == [ANSWER] * n

    return go


def lm_eval(base_url: str, concurrency: int, n: int, folder: Path) -> Callable[[], None]:
    import lm_eval.models  # noqa: F401
    from lm_eval.api.instance import Instance
    from lm_eval.api.registry import get_model
    from PIL import Image

    os.environ.setdefault("OPENAI_API_KEY", "none")
    arguments = {"base_url": f"{base_url}/chat/completions", "model": "tiny", "num_concurrent": concurrency}
    model = get_model("local-chat-completions").create_from_arg_obj(arguments)
    prompt = model.apply_chat_template([{"role": "user", "content": PROMPT}])
    requests = [
        Instance("generate_until", {}, (prompt, GREEDY, {"visual": [Image.open(path)]}), i)
        for i, path in enumerate(pictures(folder, n))
    ]

    def go() -> None:
        assert model.generate_until(requests, disable_tqdm=True) == [ANSWER] * n

    return go


CLIENTS = {"ours": ours, "pool": pool, "lm-eval": lm_eval}


def timed(go: Callable[[], None]) -> dict[str, float]:
    start, cpu = time.perf_counter(), time.process_time()
    go()
    return {"s": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def be_client(name: str, base_url: str, concurrency: int, n: int, folder: Path) -> None:
    go = CLIENTS[name](base_url, concurrency, n, folder)
    figures = timed(go)
    if hasattr(go, "figures"):
        figures = go.figures()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures | {"MB": peak, "torch": "torch" in sys.modules}))


def measure(name: str, base_url: str, concurrency: int, n: int, folder: Path) -> dict[str, float]:
    received_since(base_url)
    command = [sys.executable, __file__, "--client", name, base_url, str(concurrency), str(n), str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "LMEVAL_HASHMM": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    figures = json.loads(done.stdout.splitlines()[-1])
    received = received_since(base_url)
    assert received["requests"] == n, f"{name}: {received['requests']} requests for {n} pictures"
    size = sum(path.stat().st_size for path in pictures(folder, n)) / n
    return {
        "requests/s": n / figures["s"],
        "bytes": received["bytes"] / n,
        "of file": received["bytes"] / n / size,
        "CPU ms": 1000 * figures["cpu"] / n,
        "MB": figures["MB"],
        "torch": figures["torch"],
    }


def received_since(base_url: str) -> dict[str, int]:
    with urllib.request.urlopen(base_url.replace("/v1", "/received")) as reply:
        return json.load(reply)  # type: ignore[no-any-return]


# The benchmark


def make(folder: Path, n: int, links: int) -> None:
    """`n` JPEGs of about 100 KB, under `links` names, with a manifest and a task."""
    import numpy as np
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(0)
    canvas = Image.fromarray(rng.integers(0, 256, (1200, 1600, 3), dtype=np.uint8)).filter(
        ImageFilter.GaussianBlur(0.9)
    )
    for i in range(n):
        x, y = rng.integers(0, 960), rng.integers(0, 720)
        canvas.crop((x, y, x + 640, y + 480)).save(folder / f"{i:05}.jpg", quality=82)
    for i in range(n, links):
        os.link(folder / f"{i % n:05}.jpg", folder / f"{i:05}.jpg")
    rows = [
        {"id": f"{i:05}", "image": f"{i:05}.jpg", "lat": 35.0116, "lon": 135.768, "city": "Kyoto", "country": "Japan"}
        for i in range(max(n, links))
    ]
    (folder / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "noise.yaml").write_text(
        "task: noise\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder}/truth.jsonl, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--lm-eval-pictures", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="ours alone, with 1,000 and 12,000 pictures")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        # epoll, asyncio's own choice, wakes up to a millisecond late: 2 % of the latency.
        loop = partial(asyncio.SelectorEventLoop, selectors.SelectSelector())
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve())
        return
    if options.client:
        name, base_url, concurrency, n, folder = options.client
        be_client(name, base_url, int(concurrency), int(n), Path(folder))
        return
    with tempfile.TemporaryDirectory() as temporary, served() as base_url:
        folder = Path(temporary)
        n = options.pictures
        make(folder, n, 12_000 if options.memory else 0)
        if options.memory:
            for count in (1_000, 12_000):
                figures = measure("ours", base_url, 16, count, folder)
                print(f"{count:6,} pictures: {figures['MB']:.0f} MB peak{', torch loaded' * bool(figures['torch'])}")
            return
        plan = [("ours", 64, n), ("pool", 64, n)]
        plan += [("lm-eval", 64, min(n, options.lm_eval_pictures))] * (find_spec("tenacity") is not None)
        plan += [("ours", 16, n), ("pool", 16, n)]
        found: dict[tuple[str, int, int], list[dict[str, float]]] = {one: [] for one in plan}
        for _ in range(options.repeats):
            for one in plan:
                found[one].append(measure(one[0], base_url, one[1], one[2], folder))
        columns = ("requests/s", "bytes", "of file", "CPU ms", "MB")
        print(f"{'client':8} {'at once':>7} {'pictures':>8} " + " ".join(f"{column:>10}" for column in columns))
        rates = {}
        for (name, concurrency, count), rounds in found.items():
            figures = {column: statistics.median(one[column] for one in rounds) for column in columns}
            rates[name, concurrency] = figures["requests/s"]
            print(
                f"{name:8} {concurrency:7} {count:8,} {figures['requests/s']:10.1f} {figures['bytes']:10,.0f} "
                f"{figures['of file']:10.3f} {figures['CPU ms']:10.2f} {figures['MB']:10.0f}"
                f"{'  torch loaded' * bool(rounds[0]['torch'])}"
            )
        print(
            f"ours at 64: {rates['ours', 64] / rates.get(('lm-eval', 64), math.nan):.0f} x lm-eval, "
            f"{rates['ours', 64] / rates['pool', 64]:.2f} x the pool; "
            f"at 16: {rates['ours', 16] * LATENCY_S / 16:.1%} of concurrency / latency"
        )


if __name__ == "__main__":
    main()
