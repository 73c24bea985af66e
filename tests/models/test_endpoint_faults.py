"""What the endpoint model does when servers fail, drip, die and come back. Real servers on local sockets."""

from __future__ import annotations

import math
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from PIL import Image
from servers import ChatServer, Reply, completion

from globe_eval.benchmarks.images import Photograph
from globe_eval.commands import arguments
from globe_eval.errors import InputError
from globe_eval.models.endpoint import Endpoint
from globe_eval.models.response import Response

N = 2000


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Photograph:
    path = tmp_path_factory.mktemp("pictures") / "a.jpg"
    Image.new("RGB", (24, 16), (90, 120, 40)).save(path)
    return Photograph(path)


def requests_for(photograph: Photograph, n: int) -> list[Instance]:
    return [
        Instance(
            request_type="generate_until",
            doc={},
            arguments=(f"<image>Number {i}?", {"max_gen_toks": 8}, {"visual": [photograph]}),
            idx=0,
            metadata=("task", i, 1),
        )
        for i in range(n)
    ]


def number_in(payload: dict[str, Any]) -> int:
    return int(re.findall(r"\d+", payload["messages"][-1]["content"][-1]["text"])[0])


def echo(payload: dict[str, Any], number: int) -> Reply:
    return Reply(completion(f"answer {number_in(payload)}"), delay=0.002)


def echo_but_for(most: int, after: threading.Event) -> Callable[[dict[str, Any], int], Reply]:
    """Echoes; what a server is asked beyond `most` requests, only after something has happened to it."""

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > most:
            after.wait(120)
        return echo(payload, number)

    return answer


def endpoint(*servers: ChatServer, **arguments: Any) -> Endpoint:
    base_url = ",".join(server.base_url for server in servers)
    return Endpoint(**{"base_url": base_url, "backoff": 0.01, "max_retries": 10, **arguments})


class Faulty:
    """Answers, except that 30 of 100 attempts meet a fault; remembers what it last said about each number.

    Which faults is a matter of the number and the attempt alone. No attempt is to time out but the late ones, on a
    machine that does other things too, or the server is heard twice about one number at once: so a time-out is
    generous, and the late ones, which cost all of it, are few.
    """

    NULL = Reply(completion(None))
    FAULTS = (
        Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "0.02"}),
        Reply({"error": {"message": "engine"}}, 500),
        Reply(fault="reset"),
        Reply(b'{"choices": [{"index": 0, "mess'),
        NULL,
    )
    LATE = 5
    """The fault that is no reply before the time-out; every hundredth number meets it, at its first attempt."""

    def __init__(self, lateness: float = 0.0) -> None:
        self.late = Reply(completion("late"), delay=lateness) if lateness else None
        self.attempts: Counter[int] = Counter()
        self.met: Counter[int] = Counter()
        self.said: dict[int, str] = {}
        self._lock = threading.Lock()

    def __call__(self, payload: dict[str, Any], _: int) -> Reply:
        number = number_in(payload)
        with self._lock:
            self.attempts[number] += 1
            if self.late and self.attempts[number] == 1 and number % 100 == 0:
                self.met[self.LATE] += 1
                return self.late
            draw = random.Random(1000 * number + self.attempts[number]).randrange(100)
            if draw < 30:
                fault = self.FAULTS[draw % len(self.FAULTS)]
                self.met[draw % len(self.FAULTS)] += 1
                if fault is self.NULL:
                    self.said[number] = ""
                return fault
            self.said[number] = f"answer {number}"
        return echo(payload, 0)

    def check(self, responses: list[Response]) -> None:
        assert [response.error for response in responses if response.error] == []
        assert len(responses) == N == len(self.said)
        wrong = [i for i, response in enumerate(responses) if response != self.said[i]]
        assert not wrong, "null is an answer, which is empty; anything else is asked again"
        answered = sum(response == f"answer {i}" for i, response in enumerate(responses))
        assert answered + responses.count("") == N and 0.02 * N < responses.count("") < 0.15 * N
        late = self.met.pop(self.LATE, 0)
        assert late == (N // 100 if self.late else 0)
        assert len(self.met) == len(self.FAULTS) and min(self.met.values()) > 0.02 * N, "each fault was met"


@pytest.mark.alone
def test_2000_samples_through_30_percent_faults(photograph: Photograph) -> None:
    faulty = Faulty(lateness=4.0)
    with ChatServer(faulty) as server:
        responses = endpoint(server, num_concurrent=48, timeout=3).generate_until(requests_for(photograph, N))
    faulty.check(responses)


@pytest.mark.alone
def test_2000_samples_through_faults_and_the_death_of_one_of_three_servers(photograph: Photograph) -> None:
    faulty = Faulty()
    requests = requests_for(photograph, N)
    responses = [Response()] * N
    with ExitStack() as stack:
        servers = [stack.enter_context(ChatServer(faulty)) for _ in range(3)]
        model = endpoint(*servers, num_concurrent=16, timeout=60)
        for done, (index, response) in enumerate(model.answers(requests)):
            responses[index] = response
            if done == N // 2:
                servers[1].kill()
                before = [len(server.asked) for server in servers]
        after = [len(server.asked) for server in servers]
    faulty.check(responses)
    assert min(before) > N // 10 and after[1] <= before[1] + 16, (  # a server with more faults gets less to do
        "it shared the work, and nobody heard it after its death"
    )
    assert after[0] - before[0] > N // 5 and after[2] - before[2] > N // 5


@pytest.mark.alone
def test_a_server_that_comes_back_is_waited_for(photograph: Photograph, caplog: pytest.LogCaptureFixture) -> None:
    requests = requests_for(photograph, 60)
    responses = [Response()] * 60
    killed = threading.Event()

    def revive_once_it_is_missed() -> None:
        while not any("does not answer" in record.getMessage() for record in list(caplog.records)):
            time.sleep(0.05)
        time.sleep(1.5)
        server.revive()

    with ChatServer(echo_but_for(40, killed)) as server:
        model = endpoint(server, num_concurrent=4, max_retries=1)
        for done, (index, response) in enumerate(model.answers(requests)):
            responses[index] = response
            if done == 30:
                server.kill()
                killed.set()
                threading.Thread(target=revive_once_it_is_missed, daemon=True).start()
        asked = Counter(number_in(one.payload) for one in server.asked)
    assert responses == [f"answer {i}" for i in range(60)], "more looks than retries, and no sample lost"
    assert sum(asked.values()) <= 60 + 4, "only what was in flight is asked again"
    waiting, *_, again = (record.getMessage() for record in caplog.records if record.name == "globe_eval")
    assert re.fullmatch(rf"globe-eval: {server.base_url} does not answer \(.*\); waiting up to 300 s for it", waiting)
    assert re.fullmatch(rf"globe-eval: {server.base_url} answers again after [1-9]\d* s", again)


@pytest.mark.alone
def test_a_server_that_goes_behind_a_gateway_is_waited_for_too(photograph: Photograph) -> None:
    down, was_down = threading.Event(), threading.Event()

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > 40:
            was_down.wait(120)
        return Reply(b"<html>Bad Gateway</html>", 502) if down.is_set() else echo(payload, number)

    def restart() -> None:
        server.models = Reply(b"<html>Bad Gateway</html>", 502)
        down.set()
        was_down.set()
        time.sleep(1.0)
        down.clear()
        server.models = ["tiny"]

    responses = []
    with ChatServer(answer) as server:
        for response in endpoint(server, num_concurrent=4, max_retries=1).answers(requests_for(photograph, 80)):
            responses.append(response)
            if len(responses) == 30:
                threading.Thread(target=restart).start()
    assert down.is_set() is False and sorted(responses) == [(i, f"answer {i}") for i in range(80)]


@pytest.mark.alone
def test_a_server_that_comes_back_takes_its_share_again(photograph: Photograph) -> None:
    killed, its_share_is_done = threading.Event(), threading.Event()

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if other.asked and sum(asked.at > revived_at for asked in other.asked[-101:]) > 100:
            its_share_is_done.set()
        return echo_but_for(150, killed)(payload, number)

    revived_at, last = math.inf, 0
    with ChatServer(echo_but_for(350, its_share_is_done)) as one, ChatServer(answer) as other:
        model = endpoint(one, other, num_concurrent=2)
        for done, (index, response) in enumerate(model.answers(requests_for(photograph, 800))):
            assert response == f"answer {index}"
            if done == 100:
                other.kill()
                killed.set()
            if done == 300:
                revived_at = time.monotonic()
                other.revive()
            last = done
        assert last == 799
    assert its_share_is_done.is_set()


@pytest.mark.alone
def test_only_when_every_server_is_gone_for_good_are_samples_given_up(
    photograph: Photograph, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = []
    killed = threading.Event()
    with ChatServer(echo) as one, ChatServer(echo_but_for(100, killed)) as other:
        model = endpoint(one, other, num_concurrent=3, patience=1.0)
        for done, (_, response) in enumerate(model.answers(requests_for(photograph, 200))):
            outcomes.append(response)
            if done == 50:
                one.kill()
            if done == 120:
                killed_at = time.monotonic()
                other.kill()
                killed.set()
    took = time.monotonic() - killed_at
    assert len(outcomes) == 200
    good = [response for response in outcomes if response.error is None]
    assert 121 <= len(good) < 180
    for response in outcomes[len(good) :]:
        assert response.error and response.error.startswith(
            f"{one.base_url} and {other.base_url} did not answer for 1 s"
        )
    assert 1.0 <= took < 60, "patience counts from the death of the last"
    first, *_, last = (record.getMessage() for record in caplog.records if record.name == "globe_eval")
    assert "the others have its share" in first and "waiting up to 1 s" in last


def test_a_request_that_kills_its_server_is_given_up_and_the_rest_is_not(photograph: Photograph) -> None:
    def answer(payload: dict[str, Any], number: int) -> Reply:
        return Reply(fault="reset") if number_in(payload) == 7 else echo(payload, number)

    with ChatServer(answer) as server:
        responses = endpoint(server, max_retries=2).generate_until(requests_for(photograph, 20))
        asked = Counter(number_in(one.payload) for one in server.asked)
    assert asked[7] == 3 and responses[7].error and responses[7].error.startswith("gave up after 3 attempts")
    assert [r for i, r in enumerate(responses) if i != 7] == [f"answer {i}" for i in range(20) if i != 7]


@pytest.mark.alone
@pytest.mark.parametrize("fault", ["drip", "drip body"])
def test_a_server_that_drips_is_not_waited_for_beyond_the_timeout(photograph: Photograph, fault: Any) -> None:
    with ChatServer(lambda payload, number: Reply(completion("x" * 2000), fault=fault)) as server:
        started = time.monotonic()
        (response,) = endpoint(server, timeout=0.4, max_retries=1).generate_until(requests_for(photograph, 1))
        took = time.monotonic() - started
    assert response.error == ("gave up after 2 attempts, the last: TimeoutError: no complete reply within 0.4 s"), (
        response.error
    )
    assert 0.8 < took < 30, "all of it would take 40 s"


@pytest.mark.alone
def test_a_connection_that_the_server_closed_while_idle_is_no_failure(photograph: Photograph) -> None:
    with ChatServer(lambda payload, number: Reply(completion("x"), headers={"Connection": "keep-alive"})) as server:
        model = endpoint(server, num_concurrent=1, max_retries=0, requests_per_minute=60)  # idle for most of a second
        for index, response in model.answers(requests_for(photograph, 5)):
            assert response.error is None
            for connection in list(server._server.connections):
                if index % 2:
                    connection.shutdown(socket.SHUT_WR)


def test_a_refusal_before_the_body_was_read_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.effect_noise((1500, 1500), 100).save(path)
    reply = b'{"error": {"message": "too large"}}'
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                head = connection.recv(1000)
                if head.startswith(b"GET"):
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply))
                connection.shutdown(socket.SHUT_WR)
                time.sleep(0.2)

    threading.Thread(target=serve, daemon=True).start()
    model = Endpoint(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "tiny", max_retries=0)
    (response,) = model.generate_until(requests_for(Photograph(path), 1))
    assert response.error == "HTTP 413: too large"


# Several addresses


def test_every_address_must_answer_at_the_start() -> None:
    with ChatServer() as gone:
        pass
    with ChatServer() as server, pytest.raises(InputError, match=rf"{gone.base_url}: nothing answers there"):
        endpoint(server, gone)


def test_every_address_must_offer_the_model() -> None:
    with ChatServer(models=["globe-7b"]) as one, ChatServer(models=["globe-3b"]) as other:
        said = rf"{other.base_url}: does not offer the model 'globe-7b'.*but globe-3b"
        for model in (None, "globe-7b"):
            with pytest.raises(InputError, match=said):
                endpoint(one, other, model=model)
    with ChatServer(models=["globe-7b"]) as one, ChatServer(models=Reply({}, 404)) as other:
        assert endpoint(one, other).model == "globe-7b"


@pytest.mark.alone
def test_concurrency_counts_at_each_address_and_a_repeated_one_counts_once(photograph: Photograph) -> None:
    def slow(payload: dict[str, Any], number: int) -> Reply:
        return Reply(completion("x"), delay=0.05)

    with ChatServer(slow) as one, ChatServer(slow) as other:
        model = Endpoint([one.base_url, other.base_url, one.base_url + "/"], num_concurrent=3)
        model.generate_until(requests_for(photograph, 40))
        assert (one.peak, other.peak) == (3, 3)
        assert model.get_model_info()["base_url"] == f"{one.base_url},{other.base_url}"


def test_several_addresses_on_the_command_line() -> None:
    several = "http://a:1/v1,https://b/v1?version=2"
    for given in ([f"base_url={several},num_concurrent=8"], [f"base_url={several}", "num_concurrent=8"]):
        assert arguments.key_values("--model_args", given) == {"base_url": several, "num_concurrent": 8}
    assert (
        arguments.key_values("--model_args", ["base_url=http://a:1/v1,", "https://b/v1?version=2"])["base_url"]
        == several
    )
    with pytest.raises(InputError, match="key=value"):
        arguments.key_values("--model_args", ["http://a/v1,http://b/v1"])


def test_a_wrong_key_at_one_of_two_addresses_ends_the_run(photograph: Photograph) -> None:
    with ChatServer(echo) as one, ChatServer(lambda payload, number: Reply({}, 403)) as other:
        model = endpoint(one, other, num_concurrent=2)
        with pytest.raises(InputError, match=rf"{other.base_url}: every request is refused: HTTP 403"):
            model.generate_until(requests_for(photograph, 100))
