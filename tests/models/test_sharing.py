"""How many requests are in flight, and that none is sent when nobody waits for it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from endpoints import endpoint, requests_for
from servers import ChatServer, Reply, completion

from globe_eval.benchmarks.images import Photograph


@pytest.mark.parametrize("concurrency", [1, 7, 8, 24])
def test_concurrency_is_reached_and_never_exceeded(photographs: list[Photograph], concurrency: int) -> None:
    delay = 0.02 + 0.01 * concurrency  # long enough to send as many meanwhile, on a slow machine too
    with ChatServer(lambda payload, number: Reply(completion("x"), delay=delay)) as server:
        several = (3 * requests_for(photographs))[: 4 * concurrency + 1]
        endpoint(server, num_concurrent=concurrency).generate_until(several)
        assert server.peak == concurrency


def test_leaving_early_sends_nothing_more(photographs: list[Photograph]) -> None:
    with ChatServer(lambda payload, number: Reply(completion("x"), delay=0.05)) as server:
        for _ in endpoint(server, num_concurrent=3).answers(requests_for(photographs)):
            break
        asked = len(server.asked)
        time.sleep(0.3)
        assert asked <= len(server.asked) <= 6


def test_what_was_read_ahead_is_not_sent_after_leaving(photographs: list[Photograph]) -> None:
    held = threading.Event()

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > 1:
            held.wait(10)
        return Reply(completion("x"))

    with ChatServer(answer) as server:
        for _ in endpoint(server, num_concurrent=16).answers(requests_for(photographs)):
            deadline = time.monotonic() + 10
            while len(server.asked) < 17 and time.monotonic() < deadline:
                time.sleep(0.01)
            break  # with sixteen in flight, and two of the next read and encoded
        held.set()
        time.sleep(0.3)
        assert len(server.asked) == 17
