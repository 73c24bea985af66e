"""Requests shared among servers that do the same, and what happens when one of them goes away.

All servers take from one queue. A request that failed in passing goes back to its front, for whoever is free first. A
server that cannot be reached gets nothing more until it answers again; it is asked every few seconds, and in the
meantime the others have its share. Only when none has answered for `patience` seconds are requests given up.

It runs in an event loop of its own, in a thread of its own; its answers are taken from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from globe_eval.errors import IncompleteRun, InputError
from globe_eval.models.pace import Pace
from globe_eval.models.response import Response
from globe_eval.models.transport import Broken, Connection, Unreachable

MAX_WAIT_S = 60.0
LOOK_AGAIN_S = 5.0
FIRST = 4
"""Requests at work at each server until the first is answered: what it refuses is learnt from few."""
AHEAD = 8
"""For so many requests in flight, one more is made ready already, and sent when one of them is answered."""

_END = (1, -1)

log = logging.getLogger("globe_eval")

T = TypeVar("T")


class Passing(Exception):
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


class Enough(Exception):
    """Nothing more is to be sent."""


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
        connect: makes a connection for one task.
        is_there: looks for it through a connection; False, Unreachable or Broken where nothing answers.
        new_pace: makes its pace, for one event loop.

    """

    name: str
    connect: Callable[[], Connection]
    is_there: Callable[[Connection], Awaitable[bool]]
    new_pace: Callable[[], Pace]
    heard_at: float = 0.0
    lost_at: float = 0.0
    """When a request was last lost there. Later than `heard_at`: whether it is there is to be found out."""
    why: Exception | None = None
    gone_since: float | None = None
    pace: Pace = field(init=False)
    door: asyncio.Lock = field(init=False)

    def start(self) -> None:
        """Begin in a new event loop."""
        self.pace, self.door = self.new_pace(), asyncio.Lock()

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
    ask: Callable[[Some, Connection, int], Awaitable[Response]],
    patience: Patience,
) -> Generator[tuple[int, Response | Exception]]:
    """Ask about 0 … count - 1; each number and its answer the moment it arrives, or why there is none.

    Leaving the loop early (an exception, Ctrl-C) asks nothing more.

    Args:
        servers: that share the work.
        count: how many requests.
        concurrency: requests in flight at each server.
        ask: one attempt at one request, through a connection; it sends within the server's pace, and makes ready
            before. Raises Unreachable where nothing was sent, which is no attempt; Passing where another attempt may
            help; Enough where nothing more is to be sent: what is in flight is waited for, and the rest has no outcome;
            InputError and IncompleteRun, which end it all; any other exception is the outcome.
        patience: with failures.

    """
    done: SimpleQueue[tuple[int, Response | Exception] | BaseException | None] = SimpleQueue()
    work = _Work(servers, count, concurrency, ask, patience, done.put)
    thread = threading.Thread(target=work.run, daemon=True)  # so that Ctrl-C need not wait for it
    thread.start()
    try:
        while (outcome := done.get()) is not None:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        work.end()
        thread.join(timeout=5)


class _Work:
    """What `share` does, in its own thread. `tell` takes each outcome, an exception that nobody expected, and None."""

    def __init__(
        self,
        servers: Sequence[Some],
        count: int,
        concurrency: int,
        ask: Callable[[Some, Connection, int], Awaitable[Response]],
        patience: Patience,
        tell: Callable[[Any], None],
    ) -> None:
        self.servers, self.ask, self.patience, self.tell = servers, ask, patience, tell
        self.workers = min(concurrency + concurrency // AHEAD, count)
        self.left = count
        self.few: asyncio.Semaphore | None = asyncio.Semaphore(FIRST * len(servers))
        self.todo: asyncio.PriorityQueue[tuple[int, int]] = asyncio.PriorityQueue()  # (minus the attempts, number)
        for number in range(count):
            self.todo.put_nowait((0, number))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    def run(self) -> None:
        """Until every request has its outcome, or `end`."""
        try:
            asyncio.run(self._all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.tell(error)
        self.tell(None)

    def end(self) -> None:
        """Ask nothing more; from any thread."""
        self._ended = True
        if self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:  # it has ended by itself
                return

    async def _all(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for server in self.servers:
            server.start()
        if self._ended:
            return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._worker(one)) for one in self.servers for _ in range(self.workers)]
            group.create_task(self._until_all_are_told(tasks))

    async def _until_all_are_told(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self.all_told = asyncio.Event()
        if not self.left:
            self.all_told.set()
        waiting = asyncio.ensure_future(self.all_told.wait())
        await asyncio.wait([waiting, asyncio.ensure_future(asyncio.wait(tasks))], return_when="FIRST_COMPLETED")
        waiting.cancel()
        for task in tasks:
            task.cancel()

    def _outcome(self, number: int, outcome: Response | Exception) -> None:
        if self.few is not None and isinstance(outcome, Response):
            for _ in range(self.workers * len(self.servers)):
                self.few.release()
            self.few = None
        self.tell((number, outcome))
        self.left -= 1
        if not self.left:
            self.all_told.set()

    async def _worker(self, server: Any) -> None:
        line = server.connect()
        try:
            await self._work_through(server, line)
        finally:
            await line.close()

    async def _work_through(self, server: Any, line: Connection) -> None:
        going_on = True
        while going_on:
            async with self.few or contextlib.nullcontext():
                going_on = await self._one(server, line)

    async def _one(self, server: Any, line: Connection) -> bool:
        """One attempt at the next request; False where nothing more is to be sent."""
        turn, number = await self.todo.get()
        if (turn, number) == _END:
            return False
        if server.lost_at > server.heard_at:
            self.todo.put_nowait((turn, number))
            if not await self._found_again(server, line):
                self._give_up(server)
            return True
        try:
            answer = await self.ask(server, line, number)
        except Unreachable as error:
            server.lost(error)
            self.todo.put_nowait((turn, number))
        except Passing as failure:
            if failure.lost:
                server.lost(failure)
            if failure.free:
                self.todo.put_nowait((turn, number))
            elif -turn < self.patience.max_retries:
                await asyncio.sleep(max(self.patience.pause(-turn, number), failure.asked_to_wait or 0.0))
                self.todo.put_nowait((turn - 1, number))
            else:
                reason = f"gave up after {1 - turn} attempts, the last: {failure}"
                self._outcome(number, GivenUp(reason, lost=failure.lost))
        except Enough:
            while not self.todo.empty():
                self.todo.get_nowait()
            for _ in range(self.workers * len(self.servers)):
                self.todo.put_nowait(_END)
            return False
        except (InputError, IncompleteRun) as error:  # nothing of what is left could be used
            self.tell(error)
            self.end()
        except Exception as error:
            self._outcome(number, error)
        else:
            self._outcome(number, answer)
        return True

    async def _found_again(self, server: Server, line: Connection) -> bool:
        """Wait until the server answers: True. False where every server is gone for good."""
        async with server.door:  # one task looks, the others wait here for what it finds
            look = 0
            while server.heard_at < server.lost_at:
                try:
                    there = await server.is_there(line)
                except (Unreachable, Broken):
                    there = False
                if there:
                    if server.gone_since is not None:
                        away = time.monotonic() - server.gone_since
                        log.warning(f"globe-eval: {server.name} answers again after {away:.0f} s")
                    server.heard()
                    break
                if server.gone_since is None:
                    server.gone_since = server.lost_at
                    alone = all(other.gone_since is not None for other in self.servers)
                    then = f"waiting up to {self.patience.restart:g} s for it" if alone else "the others have its share"
                    log.warning(f"globe-eval: {server.name} does not answer ({server.why}); {then}")
                left = self._until_given_up()
                if left <= 0:
                    return False
                await asyncio.sleep(min(max(self.patience.pause(look, server.name), 0.05), LOOK_AGAIN_S, left))
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
        reason = f"{names} did not answer for {self.patience.restart:g} s: {server.why}"
        while not self.todo.empty():
            _, number = self.todo.get_nowait()
            self._outcome(number, GivenUp(reason, lost=True))


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, in an event loop of its own: also where this thread runs one already (a notebook)."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
