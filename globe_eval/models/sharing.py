"""Requests shared among servers that do the same, and what happens when one of them goes away.

All servers take from one queue. A request that failed in passing goes back to its front, for whoever is free first. A
server that cannot be reached gets nothing more until it answers again; it is asked every few seconds, and in the
meantime the others have its share. Only when none has answered for `patience` seconds are requests given up.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from queue import Empty, PriorityQueue, SimpleQueue
from typing import TypeVar

from globe_eval.models.response import Response
from globe_eval.models.wire import Connection, Unreachable

MAX_WAIT_S = 60.0
LOOK_AGAIN_S = 5.0
AHEAD = 8
"""For so many requests in flight, one more is made ready already, and sent when one of them is answered."""
_END = (1, -1)  # behind every request

log = logging.getLogger("globe_eval")


class Passing(Exception):
    """A failure that another attempt may not meet.

    Args:
        reason: what went wrong.
        asked_to_wait: seconds that the server wants to be left alone, where it says so.
        lost: nothing came back, so that the server may have gone away.

    """

    def __init__(self, reason: str, asked_to_wait: float | None = None, lost: bool = False) -> None:
        super().__init__(reason)
        self.asked_to_wait = asked_to_wait
        self.lost = lost


class GivenUp(Exception):
    """A request that has no answer, after every attempt."""


class _Ended(Exception):
    """Nobody waits for what would be sent."""


class Place:
    """A place among the requests in flight at a server, held while one is sent and answered; each has `places`."""

    def __init__(self, places: int, ended: threading.Event) -> None:
        self._places = threading.Semaphore(places)
        self._ended = ended

    def __enter__(self) -> None:
        """Wait for a place."""
        self._places.acquire()
        if self._ended.is_set():
            self._places.release()
            raise _Ended

    def __exit__(self, *exception: object) -> None:
        """Leave it to the next."""
        self._places.release()


@dataclass
class Server:
    """One server: how to reach it, and whether it is there.

    Args:
        name: what messages call it.
        connect: makes a connection for one thread.
        is_there: looks for it through a connection; False, OSError or HTTPException where nothing answers.

    """

    name: str
    connect: Callable[[], Connection]
    is_there: Callable[[Connection], bool]
    heard_at: float = 0.0
    lost_at: float = 0.0
    """When a request was last lost there. Later than `heard_at`: whether it is there is to be found out."""
    why: Exception | None = None
    gone_since: float | None = None
    door: threading.Lock = field(default_factory=threading.Lock)

    def heard(self) -> None:
        """It has answered, just now."""
        self.heard_at = time.monotonic()
        self.gone_since = None

    def lost(self, why: Exception) -> None:
        """A request got nothing back, just now."""
        self.why = why
        self.lost_at = time.monotonic()


Some = TypeVar("Some", bound=Server)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Args:
        max_retries: further attempts after a failure in passing.
        backoff: before the first of them; doubled for each next, with jitter, up to a minute.
        restart: for one of the servers to come back, after the last has gone.
        seed: of the jitter.

    """

    max_retries: int
    backoff: float
    restart: float
    seed: object = None

    def pause(self, attempt: int, key: object = "") -> float:
        """Seconds to wait after the attempt of that number, from 0."""
        jitter = random.Random(f"{self.seed} {key} {attempt}").uniform(0.5, 1.5)
        return min(self.backoff * 2.0 ** min(attempt, 30), MAX_WAIT_S) * jitter


def share(
    servers: Sequence[Some],
    count: int,
    concurrency: int,
    ask: Callable[[Some, Connection, int, Place], Response],
    patience: Patience,
) -> Generator[tuple[int, Response | Exception]]:
    """Ask about 0 … count - 1; each number and its answer the moment it arrives, or why there is none.

    Leaving the loop early (an exception, Ctrl-C) asks nothing more.

    Args:
        servers: that share the work.
        count: how many requests.
        concurrency: requests in flight at each server.
        ask: one attempt at one request, through a connection; it sends while it holds a place, and makes ready before.
            Raises Unreachable where nothing was sent, which is no attempt; Passing where another attempt may help; any
            other exception is the outcome.
        patience: with failures.

    """
    todo: PriorityQueue[tuple[int, int]] = PriorityQueue()  # (minus the attempts so far, number)
    todo.queue.extend((0, number) for number in range(count))  # in order, and so a heap
    done: SimpleQueue[tuple[int, Response | Exception]] = SimpleQueue()
    ended = threading.Event()

    def work(server: Some, place: Place) -> None:
        with server.connect() as line:
            work_through(server, line, place)

    def work_through(server: Some, line: Connection, place: Place) -> None:
        while not ended.is_set():
            turn, number = todo.get()
            if (turn, number) == _END:
                return
            if server.lost_at > server.heard_at:
                todo.put((turn, number))
                if not found_again(server, line):
                    give_up(server)
                continue
            try:
                answer = ask(server, line, number, place)
            except _Ended:
                return
            except Unreachable as error:
                server.lost(error)
                todo.put((turn, number))
            except Passing as failure:
                if failure.lost:
                    server.lost(failure)
                if -turn < patience.max_retries:
                    ended.wait(max(patience.pause(-turn, number), failure.asked_to_wait or 0.0))
                    todo.put((turn - 1, number))
                else:
                    done.put((number, GivenUp(f"gave up after {1 - turn} attempts, the last: {failure}")))
            except Exception as error:
                done.put((number, error))
            else:
                done.put((number, answer))

    def found_again(server: Server, line: Connection) -> bool:
        """Wait until the server answers, or `share` ends: True. False where every server is gone for good."""
        with server.door:  # one thread looks, the others wait here for what it finds
            for look in range(1 << 30):
                if server.heard_at >= server.lost_at or ended.is_set():
                    break
                try:
                    there = server.is_there(line)
                except (OSError, HTTPException):
                    there = False
                if there:
                    if server.gone_since is not None:
                        away = time.monotonic() - server.gone_since
                        log.warning(f"globe-eval: {server.name} answers again after {away:.0f} s")
                    server.heard()
                    break
                if server.gone_since is None:
                    server.gone_since = server.lost_at
                    alone = all(other.gone_since is not None for other in servers)
                    then = f"waiting up to {patience.restart:g} s for it" if alone else "the others have its share"
                    log.warning(f"globe-eval: {server.name} does not answer ({server.why}); {then}")
                left = until_given_up()
                if left <= 0:
                    return False
                ended.wait(min(max(patience.pause(look, server.name), 0.05), LOOK_AGAIN_S, left))
        return True

    def until_given_up() -> float:
        """Seconds until the last of the servers to go has been gone for too long."""
        gone = [server.gone_since for server in servers]
        latest = max(time.monotonic() if since is None else since for since in gone)
        return latest + patience.restart - time.monotonic()

    def give_up(server: Server) -> None:
        """Every request that is left has failed; `server` says why."""
        names = " and ".join(one.name for one in servers)
        reason = f"{names} did not answer for {patience.restart:g} s: {server.why}"
        while True:
            try:
                turn, number = todo.get_nowait()
            except Empty:
                return
            if (turn, number) == _END:
                todo.put(_END)
                return
            done.put((number, GivenUp(reason)))

    workers = 0
    # Daemons, so that Ctrl-C need not wait for answers that may take minutes.
    for server in servers:
        place = Place(concurrency, ended)
        for _ in range(min(concurrency + concurrency // AHEAD, count)):
            threading.Thread(target=work, args=(server, place), daemon=True).start()
            workers += 1
    try:
        for _ in range(count):
            yield done.get()
    finally:
        ended.set()
        for _ in range(workers):
            todo.put(_END)
