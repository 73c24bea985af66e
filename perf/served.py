"""What `globe-eval --model endpoint` costs on top of a real server: against the same requests sent straight to it.

    vllm serve CHECKPOINT --no-enable-prefix-caching --mm-processor-cache-gb 0 …
    python perf/served.py http://localhost:8000/v1 [--pictures 300] [--at-once 16] [--rounds 4] [--tokens 32]

Ours is a whole run on miniworld, journal on, of which the phase that asks is timed. The direct load does what `vllm
bench serve` does: bodies made beforehand, the very same bytes, a coroutine each, as many at once. Rounds alternate,
the first of each is not counted, and the figures are medians. To be held: within 5 %.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from globe_eval.models import request as chat
from globe_eval.runs import journaled
from globe_eval.runs.run import Request, run

REST_S = 5.0
"""Before each measurement, so that both find the machine alike: ours has spent some seconds on loading its task."""


def ours(base_url: str, n: int, at_once: int, tokens: int) -> tuple[float, int]:
    """Seconds of the phase that asks, and the tokens that came back."""
    with tempfile.TemporaryDirectory() as folder:
        (one,) = run(
            Request(
                "endpoint",
                ["miniworld"],
                {"base_url": base_url, "num_concurrent": at_once},
                limit=n,
                gen_kwargs={"max_gen_toks": tokens},
                output_path=Path(folder),
            )
        )
    assert one.results.complete and one.results.n == n
    assert one.results.usage is not None
    return _asked.pop(), one.results.usage.completion_tokens or 0


def direct(base_url: str, bodies: list[bytes], at_once: int) -> tuple[float, int]:
    """The same of the direct load."""

    async def load() -> int:
        free = asyncio.Semaphore(at_once)
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx.AsyncClient(timeout=600, limits=limits) as client:

            async def one(body: bytes) -> int:
                async with free:
                    headers = {"Content-Type": "application/json"}
                    reply = await client.post(f"{base_url}/chat/completions", content=body, headers=headers)
                    reply.raise_for_status()
                    return int(reply.json()["usage"]["completion_tokens"])

            return sum(await asyncio.gather(*map(one, bodies)))

    time.sleep(REST_S)
    start = time.perf_counter()
    tokens = asyncio.run(load())
    return time.perf_counter() - start, tokens


_asked: list[float] = []
_bodies: list[bytes] = []


class _Timed(journaled.Journaled):
    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
        time.sleep(REST_S)
        start = time.perf_counter()
        answers = super().generate_until(requests)
        _asked.append(time.perf_counter() - start)
        return answers


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base_url")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=32)
    options = parser.parse_args()
    journaled.Journaled = _Timed  # type: ignore[misc]
    write = chat.write_request
    chat.write_request = lambda *given: _bodies.append(write(*given)) or _bodies[-1]  # type: ignore[func-returns-value]
    ours(options.base_url, options.pictures, options.at_once, options.tokens)
    chat.write_request = write
    bodies = list(_bodies)
    assert len(bodies) == options.pictures
    direct(options.base_url, bodies, options.at_once)
    rounds = []
    for i in range(options.rounds):
        if i % 2:
            theirs, their_tokens = direct(options.base_url, bodies, options.at_once)
        mine, mine_tokens = ours(options.base_url, options.pictures, options.at_once, options.tokens)
        if not i % 2:
            theirs, their_tokens = direct(options.base_url, bodies, options.at_once)
        rounds.append((mine, theirs))
        print(f"ours {mine:.2f} s ({mine_tokens:,} tokens), direct {theirs:.2f} s ({their_tokens:,})", flush=True)
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(
        f"{options.pictures} pictures, {options.at_once} at once, up to {options.tokens} tokens: ours {mine:.2f} s, "
        f"direct {theirs:.2f} s: {mine / theirs - 1:+.1%}"
    )


if __name__ == "__main__":
    main()
