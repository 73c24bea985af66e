"""Distributes requests over equal servers; retries, and waits for servers that went away.

All servers take from one queue. A request that failed in passing goes back to its front, for whoever is free first. A
server that cannot be reached gets nothing more until it answers again; it is asked every few seconds, and in the
meantime the others have its share. Only when none has answered for `patience` seconds are requests given up.

Each request in flight has a thread of its own, which makes it ready, waits for the server's pace, sends it and reads
the reply (`docs/decisions/0014-transport.md`).
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from queue import Empty, PriorityQueue, SimpleQueue
from typing import Generic, TypeVar

from globe_eval.errors import IncompleteRun, InputError
from globe_eval.models.pace import Enough, Pace
from globe_eval.models.response import Response
from globe_eval.models.transport import Broken, Connection, Unreachable

REFUSALS, OF_ALL = 5, 3
"""Requests in a row that fail for one and the same reason, and before any answer: all would. Fewer are enough where the
reason is about the key, the address or the model, more where it may be about the first pictures."""


class FinalFailure(Exception):
    """A request that no further attempt will help.

    Args:
        reason: what the server says.
        of_all: it is about the key, the address or the model, and so most likely about every request.
        account: and about what may end in the middle of a run: the key's validity, money, a quota.
    """

    def __init__(self, reason: str, *, of_all: bool = False, account: bool = False) -> None:
        super().__init__(reason)
        self.of_all, self.account = of_all, account


class Failures:
    """How many requests in a row failed for one and the same reason, of `count`; `before` were answered earlier."""

    def __init__(self, count: int, before: int) -> None:
        self.of_account: str | None = None
        """Why the rest need not be asked, though there were answers."""
        self._count, self._answered = count, before
        self._kind, self._row = "", 0

    def answered(self) -> None:
        """A request was answered."""
        self._answered += 1
        self._row = 0

    def hopeless_after(self, failure: Exception) -> bool:
        """Count a failure; whether nothing will ever be answered."""
        kind = re.sub(r"[0-9a-f-]{8,}|\d+", "#", str(failure))
        self._row = self._row + 1 if kind == self._kind else 1
        self._kind = kind
        account, of_all = getattr(failure, "account", False), getattr(failure, "of_all", False)
        if self._row < (min(OF_ALL, self._count) if of_all else OF_ALL if account else REFUSALS):
            return False
        if self._answered and account:
            self.of_account = str(failure)
        return not self._answered


MAX_WAIT_S = 60.0
LOOK_AGAIN_S = 5.0
FIRST = 4
"""Requests at work at each server until the first is answered: what it refuses is learnt from few."""
AHEAD = 8
"""For so many requests in flight, one more is made ready already, and sent when one of them is answered."""
_END = (1, -1)  # behind every request

log = logging.getLogger("globe_eval")


class TemporaryFailure(Exception):
    """A failure that another attempt may not meet.

    Args:
        reason: what went wrong.
        asked_to_wait: seconds that the server wants to be left alone, where it says so.
        lost: nothing came back, so that the server may have gone away.
        free: it counts as no attempt: the server is asked too fast, or is asked again in another way.
    """

    def __init__(
        self, reason: str, asked_to_wait: float | None = None, *, lost: bool = False, free: bool = False
    ) -> None:
        super().__init__(reason)
        self.asked_to_wait = asked_to_wait
        self.lost = lost
        self.free = free


class GivenUp(Exception):
    """A request that has no answer, after every attempt; `lost` where the last of them brought nothing back."""

    def __init__(self, reason: str, *, lost: bool) -> None:
        super().__init__(reason)
        self.lost = lost


@dataclass
class Server:
    """One server: how to reach it, and whether it is there.

    Args:
        name: what messages call it.
        connect: makes a connection for one thread.
        is_there: looks for it through a connection; False, Unreachable or Broken where nothing answers.
        new_pace: makes its pace.
    """

    name: str
    connect: Callable[[], Connection]
    is_there: Callable[[Connection], bool]
    new_pace: Callable[[], Pace]
    answered_at: float = 0.0
    lost_at: float = 0.0
    """When a request was last lost there. Later than `answered_at`: whether it is there is to be found out."""
    why: Exception | None = None
    gone_since: float | None = None
    pace: Pace = field(init=False)
    door: threading.Lock = field(default_factory=threading.Lock)

    def has_answered(self) -> None:
        """Record that the server has just answered."""
        self.answered_at = time.monotonic()
        self.gone_since = None

    def lost(self, why: Exception) -> None:
        """Record that a request has just got no reply."""
        self.why = why
        self.lost_at = time.monotonic()


ServerT = TypeVar("ServerT", bound=Server)


@dataclass(frozen=True)
class Patience:
    """Retries and waiting times, in seconds.

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
    servers: Sequence[ServerT],
    count: int,
    concurrency: int,
    ask: Callable[[ServerT, Connection, int], Response],
    patience: Patience,
) -> Generator[tuple[int, Response | Exception]]:
    """Ask requests 0 … count - 1; yields each number with its answer as it arrives, or the reason why there is none.

    Leaving the loop early (an exception, Ctrl-C) asks nothing more. A thread asks again when the loop has come back for
    the next answer, so that a process that is killed loses no more answers than it has threads.

    Args:
        servers: that share the work.
        count: how many requests.
        concurrency: requests in flight at each server.
        ask: one attempt at one request, through a connection; it sends within the server's pace, and makes ready
            before. Raises Unreachable where nothing was sent, which is no attempt; TemporaryFailure where another
            attempt may help; Enough where nothing more is to be sent: what is in flight is waited for, and the rest
            has no outcome; InputError and IncompleteRun, which end it all; any other exception is the outcome.
        patience: with failures.
    """
    each = min(concurrency + concurrency // AHEAD, count)
    work = _Work(servers, count, each * len(servers), ask, patience)
    remaining, working = count, work.start(min(FIRST, each))
    few = working < work.most
    try:
        while remaining and working:
            outcome = work.done.get()
            if outcome is None:
                working -= 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                number, answer, is_journalled = outcome
                if few and isinstance(answer, Response):
                    few = False
                    working += work.start(each - FIRST)
                remaining -= 1
                yield number, answer
                is_journalled.release()
    finally:
        work.end()


class _Work(Generic[ServerT]):
    """The requests of one `share`: those that wait, those that are done, and the threads between; `most` of these."""

    def __init__(
        self,
        servers: Sequence[ServerT],
        count: int,
        most: int,
        ask: Callable[[ServerT, Connection, int], Response],
        patience: Patience,
    ) -> None:
        self.servers, self.most, self.ask, self.patience = servers, most, ask, patience
        self.todo: PriorityQueue[tuple[int, int]] = PriorityQueue()  # (minus the attempts so far, number)
        self.todo.queue.extend((0, number) for number in range(count))  # in order, and so a heap
        self.done: SimpleQueue[tuple[int, Response | Exception, threading.Semaphore] | BaseException | None]
        self.done = SimpleQueue()
        self.ended = threading.Event()
        self.journalled: list[threading.Semaphore] = []  # one a thread: released when its answer is, and it may go on
        for server in servers:
            server.pace = server.new_pace()

    def start(self, threads: int) -> int:
        """Start so many threads for each server; returns how many in all."""
        # Daemons, so that Ctrl-C need not wait for answers that may take minutes.
        for server in self.servers:
            for _ in range(threads):
                self.journalled.append(threading.Semaphore(0))
                threading.Thread(target=self._run, args=(server, self.journalled[-1]), daemon=True).start()
        return threads * len(self.servers)

    def end(self) -> None:
        """Let every thread come to its end, wherever it waits."""
        self.ended.set()
        for server in self.servers:
            server.pace.end()
        for one in self.journalled:
            one.release()
        self._put_ends()

    def _put_ends(self) -> None:
        for _ in range(self.most):
            self.todo.put(_END)

    def _run(self, server: ServerT, is_journalled: threading.Semaphore) -> None:
        """A thread: takes requests until there are none."""
        try:
            with server.connect() as line:
                while not self.ended.is_set() and (task := self.todo.get()) != _END:
                    if (outcome := self._attempt(server, line, *task)) is not None:
                        self.done.put((task[1], outcome, is_journalled))
                        is_journalled.acquire()
        except BaseException as error:  # that nobody expected
            self.done.put(error)
        self.done.put(None)

    def _attempt(self, server: ServerT, line: Connection, turn: int, number: int) -> Response | Exception | None:
        """The outcome of a request; None where it waits again, or never will have one."""
        if server.lost_at > server.answered_at:
            self.todo.put((turn, number))
            if not self._found_again(server, line):
                self._give_up(server)
            return None
        try:
            return self.ask(server, line, number)
        except Unreachable as error:
            server.lost(error)
            self.todo.put((turn, number))
        except TemporaryFailure as failure:
            if failure.lost:
                server.lost(failure)
                if not _is_there(server, line):  # whatever others have heard meanwhile
                    server.lost(failure)
            if failure.free:
                self.todo.put((turn, number))
            elif -turn < self.patience.max_retries:
                self.ended.wait(max(self.patience.pause(-turn, number), failure.asked_to_wait or 0.0))
                self.todo.put((turn - 1, number))
            else:
                reason = f"gave up after {1 - turn} attempts, the last: {failure}"
                return GivenUp(reason, lost=failure.lost)
        except Enough:
            self._left()
            self._put_ends()
        except (InputError, IncompleteRun):  # nothing of what is left could be used
            raise
        except Exception as error:
            return error
        return None

    def _left(self) -> list[int]:
        """Remove all waiting requests from the queue; returns their numbers."""
        numbers: list[int] = []
        while True:
            try:
                task = self.todo.get_nowait()
            except Empty:
                return numbers
            if task == _END:
                self.todo.put(_END)
                return numbers
            numbers.append(task[1])

    def _found_again(self, server: Server, line: Connection) -> bool:
        """Wait until the server answers, or `share` ends: True. False where every server is gone for good."""
        with server.door:  # one thread looks, the others wait here for what it finds
            look = 0
            while server.answered_at < server.lost_at and not self.ended.is_set():
                if _is_there(server, line):
                    if server.gone_since is not None:
                        away = time.monotonic() - server.gone_since
                        log.warning(f"globe-eval: {server.name} answers again after {away:.0f} s")
                    server.has_answered()
                    break
                if server.gone_since is None:
                    server.gone_since = server.lost_at
                    alone = all(other.gone_since is not None for other in self.servers)
                    restart = f"waiting up to {self.patience.restart:g} s for it"
                    then = restart if alone else "the others have its share"
                    log.warning(f"globe-eval: {server.name} does not answer ({server.why}); {then}")
                remaining = self._until_given_up()
                if remaining <= 0:
                    return False
                self.ended.wait(min(max(self.patience.pause(look, server.name), 0.05), LOOK_AGAIN_S, remaining))
                look += 1
        return True

    def _until_given_up(self) -> float:
        """Seconds until the last of the servers to go has been gone for too long."""
        gone = [server.gone_since for server in self.servers]
        latest = max(time.monotonic() if since is None else since for since in gone)
        return latest + self.patience.restart - time.monotonic()

    def _give_up(self, server: Server) -> None:
        """Every request that is left has failed; `server` says why."""
        names = " and ".join(one.name for one in self.servers)
        for number in self._left():
            why = GivenUp(f"{names} did not answer for {self.patience.restart:g} s: {server.why}", lost=True)
            self.done.put((number, why, threading.Semaphore()))


def _is_there(server: Server, line: Connection) -> bool:
    try:
        return server.is_there(line)
    except (Unreachable, Broken):
        return False
