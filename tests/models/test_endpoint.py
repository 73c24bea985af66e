"""The endpoint model against a real server on a local socket."""

from __future__ import annotations

import base64
import io
import json
import time
from collections import Counter
from email.utils import formatdate
from typing import Any

import numpy as np
import pytest
from endpoints import PLANTED, asked_about, echo, endpoint, faulty, requests_for, sent_image
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from PIL import Image
from servers import ChatServer, Reply, completion

from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models import request as chat
from globe_eval.models import sharing
from globe_eval.models.sharing import REFUSALS

# What is sent


def test_answers_keep_the_order_of_requests_whatever_order_they_arrive_in(photographs: list[Photograph]) -> None:
    def answer(payload: dict[str, Any], number: int) -> Reply:
        return Reply(completion(echo(payload, number)), delay=0.02 * (int(asked_about(payload)) % 3))

    with ChatServer(answer) as server:
        model = endpoint(server, num_concurrent=8)
        arrived = [index for index, _ in model.answers(requests_for(photographs))]
        responses = model.generate_until(requests_for(photographs))
    assert arrived != sorted(arrived) and sorted(arrived) == list(range(40))
    assert responses == [f"answer {i}" for i in range(40)]
    assert {(r.finish_reason, r.error, r.prompt_tokens, r.completion_tokens) for r in responses} == {
        ("stop", None, 11, 7)
    }


def test_the_picture_is_the_clean_file_and_nothing_tells_its_place(photographs: list[Photograph]) -> None:
    with ChatServer(echo) as server:
        endpoint(server).generate_until(requests_for(photographs))
        asked = sorted(server.asked, key=lambda one: int(asked_about(one.payload)))
    for photo, one in zip(photographs, asked, strict=True):
        content = one.payload["messages"][-1]["content"]
        assert [part["type"] for part in content] == ["image_url", "text"], "GLOBE puts the picture first"
        head, data = sent_image(one.payload)
        assert (data, head) == (photo.clean_bytes()[0], "data:image/jpeg;base64")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(Image.open(photo.path)))
        assert PLANTED in photo.path.read_bytes() and PLANTED not in data
        everything = one.raw + json.dumps(one.headers).encode()
        assert b"<image>" not in everything and b"paris" not in everything and PLANTED not in everything
        assert len(one.raw) < 1.36 * photo.path.stat().st_size + 600


def test_bytes_are_read_when_they_are_sent_and_not_kept(
    photographs: list[Photograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = Photograph.clean_bytes
    monkeypatch.setattr(
        Photograph, "clean_bytes", lambda self, *more: (reads.append(time.monotonic()), real(self, *more))[1]
    )
    with ChatServer(lambda payload, number: Reply(completion("x"), delay=0.01)) as server:
        endpoint(server, num_concurrent=2).generate_until(requests_for(photographs[:10]))
        sent = sorted(one.at for one in server.asked)
    assert len(reads) == 10
    for i in range(2, 10):
        assert sorted(reads)[i] > sent[i - 2], "the third picture waits until the first was asked about"


def test_greedy_decoding_and_the_other_fields(photographs: list[Photograph]) -> None:
    with ChatServer() as server:
        model = endpoint(server)
        model.generate_until(
            requests_for(photographs[:1], frequency_penalty=0.7, top_p=0.9, until=["", "</s>", "\n\n"])
        )
        payload = server.asked[0].payload
    del payload["messages"]
    assert payload == {
        "model": "tiny",
        "max_tokens": 64,
        "temperature": 0,
        "stop": ["</s>", "\n\n"],
        "frequency_penalty": 0.7,
        "top_p": 0.9,
        "seed": 1234,
    }


@pytest.mark.parametrize(
    ("given_kwargs", "fields"),
    [
        ({}, {"temperature": 0}),
        ({"do_sample": True}, {}),
        ({"temperature": 0.6}, {"temperature": 0.6}),
        ({"do_sample": True, "temperature": 0.1}, {"temperature": 0.1}),
        ({"do_sample": False, "temperature": 0.6}, {"temperature": 0}),
        ({"do_sample": False, "temperature": None}, {}),
        ({"do_sample": True, "max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        ({"do_sample": True, "max_new_tokens": 9, "max_tokens": 5}, {"max_tokens": 9}),
        ({"do_sample": True, "until": "\n"}, {"stop": ["\n"]}),
        ({"do_sample": True, "until": list("abcdef")}, {"stop": list("abcd")}),
        ({"do_sample": True, "until": None, "top_k": 5, "guided_regex": "a"}, {"top_k": 5, "guided_regex": "a"}),
    ],
)
def test_decoding(given_kwargs: dict[str, Any], fields: dict[str, Any]) -> None:
    assert chat.decoding(given_kwargs) == fields


def test_repetitions_differ_in_their_seed(photographs: list[Photograph]) -> None:
    (request,) = requests_for(photographs[:1], do_sample=True, temperature=1.0)
    with ChatServer() as server:
        endpoint(server).generate_until([request] * 3)
        assert sorted(one.payload["seed"] for one in server.asked) == [1234, 1235, 1236]
        endpoint(server, seed=None).generate_until([request])
        assert "seed" not in server.asked[-1].payload


@given(
    st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text()}),
        min_size=1,
    )
)
def test_the_chat_comes_through_unchanged(history: list[dict[str, str]]) -> None:
    assert chat.read_history(chat.write_history(history)) == history
    rebuilt = chat.messages(chat.write_history(history), [])
    assert [message["role"] for message in rebuilt] == [message["role"] for message in history]
    assert [message["content"] for message in rebuilt] == [m["content"].replace("<image>", "") for m in history]


@given(st.text())
def test_a_plain_prompt_comes_through_unchanged(prompt: str) -> None:
    assert chat.read_history(prompt) == [{"role": "user", "content": prompt}]


def shape(messages: list[dict[str, Any]]) -> list[Any]:
    def part(one: dict[str, Any]) -> str:
        return one.get("text") or base64.b64decode(one["image_url"]["url"].partition(",")[2]).decode()

    return [
        (m["role"], m["content"] if isinstance(m["content"], str) else [part(p) for p in m["content"]])
        for m in messages
    ]


@pytest.mark.parametrize(
    ("prompt", "pictures", "expected"),
    [
        ("<image>\nWhere?", "A", ["A", "\nWhere?"]),
        ("Look: <image> Where?", "A", ["Look: ", "A", " Where?"]),
        ("<image> or <image>?", "AB", ["A", " or ", "B", "?"]),
        ("Where?", "A", ["A", "Where?"]),
        ("<image>Where?", "AB", ["B", "A", "Where?"]),
        ("<image><image>Where?", "A", ["A", "Where?"]),
        ("<image>Where?", "", "Where?"),
        ("<image>", "A", ["A"]),
    ],
)
def test_pictures_stand_where_their_placeholders_stood(prompt: str, pictures: str, expected: Any) -> None:
    history = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": prompt}]
    data = [(name.encode(), "image/png") for name in pictures]
    assert shape(chat.messages(chat.write_history(history), data)) == [("system", "Be kind."), ("user", expected)]
    assert shape(chat.messages(prompt, data)) == [("user", expected)]


def test_a_begun_answer_is_continued(photographs: list[Photograph]) -> None:
    history = [{"role": "user", "content": "<image>Where?"}, {"role": "assistant", "content": "<think>"}]
    with ChatServer() as server:
        model = endpoint(server)
        (request,) = requests_for(photographs[:1])
        request.arguments = (model.apply_chat_template(history, add_generation_prompt=False), *request.arguments[1:])
        model.generate_until([request])
        payload = server.asked[0].payload
    assert payload["messages"][-1] == history[-1]
    assert (payload["add_generation_prompt"], payload["continue_final_message"]) == (False, True)


def test_other_kinds_of_picture(photographs: list[Photograph]) -> None:
    image = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    with ChatServer() as server:
        model = endpoint(server, num_concurrent=1)
        for picture in (image, str(photographs[3].path)):
            request = requests_for(photographs[:1])[0]
            request.arguments = (*request.arguments[:2], {"visual": [picture]})
            model.generate_until([request])
        plain, from_path = (sent_image(one.payload) for one in server.asked)
    assert plain[0] == "data:image/png;base64"
    assert Image.open(io.BytesIO(plain[1])).getpixel((0, 0)) == (10, 20, 30)
    assert from_path[1] == photographs[3].clean_bytes()[0]


# What comes back


@pytest.mark.parametrize(
    ("body", "text", "finish_reason"),
    [
        (completion("Paris"), "Paris", "stop"),
        (completion(None), "", "stop"),
        (completion("Par", "length"), "Par", "length"),
        (completion(None, "content_filter", refusal="I can't help."), "I can't help.", "content_filter"),
        (completion("Paris</s> and more"), "Paris", "stop"),
        (completion("Paris</s> and more", "length"), "Paris", "stop"),
        (completion([{"type": "text", "text": "Pa"}, {"type": "text", "text": "ris"}]), "Paris", "stop"),
        (completion("Paris", reasoning_content="A tower."), "<think>A tower.</think>Paris", "stop"),
        (completion("Paris", reasoning="A tower."), "<think>A tower.</think>Paris", "stop"),
        (completion("<think>A tower.</think>Paris", reasoning="A tower."), "<think>A tower.</think>Paris", "stop"),
        (completion(None, "length", reasoning="A tow"), "<think>A tow", "length"),
        (completion("half \ud83d"), "half \\ud83d", "stop"),
        ({"choices": [{"message": {"content": "Paris"}}]}, "Paris", None),
    ],
)
def test_replies(photographs: list[Photograph], body: Any, text: str, finish_reason: str | None) -> None:
    with ChatServer(lambda payload, number: Reply(body)) as server:
        (response,) = endpoint(server).generate_until(requests_for(photographs[:1]))
    assert (response, response.finish_reason, response.error) == (text, finish_reason, None)


@pytest.mark.parametrize(
    "fault",
    [
        Reply({"error": {"message": "slow down"}}, 429),
        Reply({"error": {"message": "Rate limit reached: add a credit card to raise it"}}, 429),
        Reply({"error": {"message": "the request conflicted with another"}}, 409),
        Reply({"error": {"message": "overloaded"}}, 500),
        Reply(b"<html>Bad Gateway</html>", 502),
        Reply(fault="reset"),
        Reply(completion("Paris"), fault="cut"),
        Reply(b'{"choices": [{"index": 0, "mess'),
        Reply({"choices": []}),
        Reply({"error": {"message": "upstream"}}),
        Reply([1, 2]),
        Reply({"choices": [{"message": {"content": 7}}]}),
        Reply(completion("Pa", "abort")),
        Reply(completion("late"), delay=2.0),
    ],
    ids=[
        "429",
        "429 for want of a card",
        "409",
        "500",
        "502",
        "reset",
        "cut",
        "half a JSON",
        "no choice",
        "error in a 200",
        "no object",
        "number",
        "broken off",
        "hang",
    ],
)
def test_passing_faults_are_tried_again(photographs: list[Photograph], fault: Reply) -> None:
    hangs = fault.delay > 0
    with ChatServer(faulty(fault, fault)) as server:
        responses = endpoint(server, timeout=1 if hangs else 60).generate_until(requests_for(photographs[:4]))
        asked = Counter(asked_about(one.payload) for one in server.asked)
    assert responses == [f"answer {i}" for i in range(4)]
    assert all(response.error is None for response in responses)
    assert set(asked.values()) == {3} or (hangs and min(asked.values()) == 3), "a busy machine may hang by itself"


@pytest.mark.parametrize("value", ["0.4", "date"])
def test_retry_after_is_honoured(photographs: list[Photograph], value: str) -> None:
    due, now = int(time.time()) + 2, time.time() - time.monotonic()
    given = formatdate(due, usegmt=True) if value == "date" else value
    with ChatServer(faulty(Reply({}, 429, {"Retry-After": given}))) as server:
        assert endpoint(server).generate_until(requests_for(photographs[:1])) == ["answer 0"]
        first, second = (one.at for one in server.asked)
    least = due - now - 0.05 if value == "date" else first + 0.4
    assert least <= second < first + 30


def test_a_wait_longer_than_the_timeout_is_not_waited_for(photographs: list[Photograph]) -> None:
    with ChatServer(faulty(Reply({"error": {"message": "daily limit"}}, 429, {"Retry-After": "86400"}))) as server:
        (response,) = endpoint(server, timeout=5).generate_until(requests_for(photographs[:1]))
        assert len(server.asked) == 1
    assert response.error == "HTTP 429: daily limit (asks to wait 86400 s)"


def test_back_off_doubles(photographs: list[Photograph], monkeypatch: pytest.MonkeyPatch) -> None:
    waits, pause = [], sharing.Patience.pause
    monkeypatch.setattr(sharing.Patience, "pause", lambda *given: (waits.append(pause(*given)), waits[-1])[1])
    with ChatServer(lambda payload, number: Reply({}, 503)) as server:
        endpoint(server, backoff=0.04, max_retries=3).generate_until(requests_for(photographs[:1]))
        at = [one.at for one in server.asked]
    for wait, waited, expected in zip(waits, np.diff(at), (0.04, 0.08, 0.16), strict=True):
        assert 0.5 * expected <= wait <= 1.5 * expected and waited >= wait


def test_a_request_that_fails_for_good_costs_itself_only(photographs: list[Photograph]) -> None:
    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        return (
            Reply({"error": {"message": "over\nloaded"}}, 503) if asked_about(payload) == "3" else echo(payload, number)
        )

    with ChatServer(answer) as server:
        responses = endpoint(server, max_retries=2).generate_until(requests_for(photographs[:6]))
        asked = Counter(asked_about(one.payload) for one in server.asked)
    assert [r.error for r in responses if r.error] == ["gave up after 3 attempts, the last: HTTP 503: over loaded"]
    assert responses[3] == "" and responses[3].error and asked["3"] == 3
    assert [r for i, r in enumerate(responses) if i != 3] == [f"answer {i}" for i in (0, 1, 2, 4, 5)]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_bad_request_is_not_repeated(photographs: list[Photograph], status: int) -> None:
    with ChatServer(lambda payload, number: Reply({"error": {"message": "image too large"}}, status)) as server:
        responses = endpoint(server).generate_until(requests_for(photographs[:2]))
        assert len(server.asked) == 2
        assert {(r, r.error) for r in responses} == {("", f"HTTP {status}: image too large")}
        with pytest.raises(InputError, match=f"every request is refused: HTTP {status}: image too large"):
            endpoint(server, num_concurrent=2).generate_until(requests_for(photographs))
        assert len(server.asked) <= 2 + REFUSALS + 2, "five of the same say that all would be"


def refuses_penalties(payload: dict[str, Any], number: int) -> str | Reply:
    if "repetition_penalty" in payload:
        said = {"error": {"message": "Unrecognized request argument supplied: repetition_penalty"}}
        return Reply(said, 400)
    return echo(payload, number)


def test_no_penalty_is_left_unsaid_to_a_provider_that_knows_none(photographs: list[Photograph]) -> None:
    with ChatServer(refuses_penalties) as server:
        model = endpoint(server, num_concurrent=1)
        responses = model.generate_until(requests_for(photographs[:4], repetition_penalty=1.0))
        assert len(server.asked) == 5, "asked once too often, not once too often for each photograph"
    assert responses == [f"answer {i}" for i in range(4)]


def test_a_penalty_that_was_asked_for_is_not_dropped(photographs: list[Photograph]) -> None:
    with ChatServer(refuses_penalties) as server:
        (response,) = endpoint(server).generate_until(requests_for(photographs[:1], repetition_penalty=1.05))
    assert response.error and "repetition_penalty" in response.error


def test_a_picture_that_cannot_be_read_is_its_own_error(photographs: list[Photograph]) -> None:
    photographs[1].path.write_bytes(b"")
    photographs[2].path.unlink()
    photographs[4].path.write_bytes(photographs[4].path.read_bytes()[:-30])
    with ChatServer(echo) as server:
        responses = endpoint(server).generate_until(requests_for(photographs[:6]))
        assert len(server.asked) == 3
    assert [r for r in responses if not r.error] == ["answer 0", "answer 3", "answer 5"]
    for i in (1, 2, 4):
        assert responses[i].error and responses[i].error.startswith(photographs[i].name + ": ")
        assert str(photographs[i].path.parent) not in responses[i].error


def test_a_server_that_goes_for_good_is_an_error_of_each_request(photographs: list[Photograph]) -> None:
    with ChatServer(echo) as server:
        model = endpoint(server, patience=0.3)
        assert model.generate_until(requests_for(photographs[:1])) == ["answer 0"]
    started = time.monotonic()
    responses = model.generate_until(requests_for(photographs[:5]))
    assert 0.3 <= time.monotonic() - started < 60
    for response in responses:
        assert response == "" and response.error
        assert response.error.startswith(f"{server.base_url} did not answer for 0.3 s: ConnectionRefusedError")


def test_no_requests_no_answers() -> None:
    with ChatServer() as server:
        assert endpoint(server).generate_until([]) == []


def test_text_alone() -> None:
    request = Instance(request_type="generate_until", doc={}, arguments=("Where is Kyoto?", {}), idx=0)
    with ChatServer() as server:
        assert endpoint(server).generate_until([request]) == ["country: Japan\ncity: Kyoto"]
        assert server.asked[0].payload["messages"] == [{"role": "user", "content": "Where is Kyoto?"}]
