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
