"""The endpoint model before it asks anything: arguments, keys, servers; and what a refused request means."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from endpoints import GREEDY, KEY, asked_about, echo, endpoint, requests_for
from servers import ChatServer, Reply

from globe_eval import models
from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models.endpoint import Endpoint
from globe_eval.models.providers import Rules, rules_after
from globe_eval.models.reply import refused
from globe_eval.models.response import Response

# Errors of the user, found before thousands of requests are sent


def test_nothing_listens() -> None:
    with ChatServer() as server:
        base_url = server.base_url
    with pytest.raises(InputError, match=rf"endpoint {re.escape(base_url)}: nothing answers there .*base_url"):
        Endpoint(base_url, "tiny")


def test_the_only_model_is_taken() -> None:
    with ChatServer(models=["globe-7b"]) as server:
        assert endpoint(server).model == "globe-7b"
    with ChatServer(models=["a", "b"]) as server:
        assert endpoint(server, model="b").model == "b"
        with pytest.raises(InputError, match=r"say which model.*it offers a, b"):
            endpoint(server)
    with ChatServer(models=Reply({}, 404)) as server:
        assert endpoint(server, model="x").model == "x"
        with pytest.raises(InputError, match="say which model"):
            endpoint(server)


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, r"did you mean 'tiny'\?; the server offers tiny")],
)
def test_a_refusal_of_the_first_requests_ends_the_run(photographs: list[Photograph], status: int, said: str) -> None:
    with ChatServer(lambda payload, number: Reply({"error": {"message": "no such thing"}}, status)) as server:
        with pytest.raises(InputError, match=f"every request is refused: HTTP {status}: no such thing .*{said}"):
            endpoint(server, model="tny", num_concurrent=2).generate_until(requests_for(photographs))
        assert len(server.asked) < 10
        with pytest.raises(InputError):
            endpoint(server, model="tny").generate_until(requests_for(photographs[:1]))


def test_a_refusal_after_an_answer_is_that_samples_error(photographs: list[Photograph]) -> None:
    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        return Reply({"detail": "not for you"}, 403) if int(asked_about(payload)) % 2 else echo(payload, number)

    with ChatServer(answer) as server:
        responses = endpoint(server, num_concurrent=1).generate_until(requests_for(photographs[:12]))
    assert [bool(r.error) for r in responses] == [bool(i % 2) for i in range(12)]


def test_a_key_refused_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with (
        ChatServer(models=Reply({"error": {"message": f"Incorrect API key: {KEY}"}}, 401)) as server,
        pytest.raises(InputError, match=r"Incorrect API key.*OPENAI_API_KEY") as caught,
    ):
        endpoint(server, model="tiny")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"base_url": "localhost:8000"}, "http://localhost:8000/v1"),
        ({"base_url": "ftp://x/v1"}, "http://localhost:8000/v1"),
        ({"num_concurrent": 0}, "num_concurrent=0; allowed: whole numbers from 1"),
        ({"num_concurrent": 2.5}, "num_concurrent=2.5"),
        ({"timeout": "long"}, "timeout='long'"),
        ({"max_retries": -1}, "max_retries=-1"),
        ({"num_concurent": 3}, "did you mean 'num_concurrent'"),
        ({"api_key": KEY}, "api_key_env"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], said: str) -> None:
    with ChatServer() as server, pytest.raises(InputError, match=re.escape(said)) as caught:
        Endpoint.create_from_arg_obj({"base_url": server.base_url, **arguments})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("name", ["n", "messages", "model"])
def test_fields_that_are_the_models_own(photographs: list[Photograph], name: str) -> None:
    with ChatServer() as server:
        with pytest.raises(InputError, match=repr(name)):
            endpoint(server).generate_until(requests_for(photographs[:2], **{name: 1}))
        assert not server.asked


@pytest.mark.parametrize("ending", ["", "/", "/chat/completions", "/chat/completions/"])
def test_addresses(photographs: list[Photograph], ending: str) -> None:
    with ChatServer(echo) as server:
        model = endpoint(server, base_url=server.base_url + ending)
        assert model.generate_until(requests_for(photographs[:1])) == ["answer 0"]
        assert model.get_model_info()["base_url"] == server.base_url


# Secrets


def test_the_key_is_sent_and_never_shown(
    photographs: list[Photograph],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.INFO)

    def answer(payload: dict[str, Any], number: int) -> Reply:
        quoted = payload["messages"][-1]["content"][0]["image_url"]["url"] * 20
        return Reply({"error": {"message": f"not with {KEY} and {quoted}"}}, 400)

    with ChatServer(answer) as server:
        model = endpoint(server, base_url=f"{server.base_url}?token=planted-token", api_key_env="MY_KEY")
        responses = model.generate_until(requests_for(photographs[:2]))
        assert {one.headers["Authorization"] for one in server.asked} == {f"Bearer {KEY}"}
    out, err = capfd.readouterr()
    assert "Asking" not in err, "progress is for terminals"
    shown = " ".join([repr(model), str(vars(model)["model"]), repr(model.get_model_info()), out, err, caplog.text])
    shown += " ".join(response.error or "" for response in responses)
    for secret in (KEY, "planted-token"):
        assert secret not in shown
    for response in responses:
        assert response.error and len(response.error) <= 300 and "\n" not in response.error
        assert "(removed)" in response.error and "[data]" in response.error


def test_a_password_in_the_address_is_not_shown() -> None:
    with ChatServer() as server:
        base_url = server.base_url.replace("http://", "http://user:planted-password@")
        assert Endpoint(base_url).get_model_info()["base_url"] == server.base_url
    with pytest.raises(InputError, match="nothing answers") as caught:
        Endpoint(base_url)
    assert "planted-password" not in str(caught.value)


# As lm-eval sees it


def attributes(response: Response) -> tuple[Any, ...]:
    return tuple(getattr(response, name) for name in Response.__slots__)


def test_a_response_is_a_str_that_keeps_its_attributes() -> None:
    response = Response("Paris", finish_reason="length", error="e", prompt_tokens=3, completion_tokens=4)
    for other in (copy.copy(response), copy.deepcopy([response])[0], pickle.loads(pickle.dumps(response))):
        assert isinstance(other, Response) and other == "Paris" and attributes(other) == attributes(response)
    assert json.dumps(response) == '"Paris"' and type(str(response)) is str
    assert attributes(response) == (4, "e", "length", None, 3, None) and set(attributes(Response("x"))) == {None}


def test_our_models_are_known_beside_lm_evals() -> None:
    from lm_eval.api.registry import get_model, model_registry

    models.register()
    models.register()
    assert models.names() == ["constant", "endpoint", "knn", "ray-vllm", "replay"]
    for name in models.names():
        assert get_model(name).name == name
    assert {"hf-multimodal", "vllm-vlm", "local-chat-completions"} <= set(model_registry.keys())


def test_likelihoods_are_refused() -> None:
    with ChatServer() as server:
        model = endpoint(server)
        for method in (model.loglikelihood, model.loglikelihood_rolling):
            with pytest.raises(NotImplementedError, match="'endpoint'"):
                method([])


@pytest.mark.parametrize("template", [True, False])
def test_through_lm_eval(photographs: list[Photograph], template: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import lm_eval.evaluator
    from lm_eval.api.task import ConfigurableTask

    rows = datasets.Dataset.from_list([{"i": i, "path": str(photo.path)} for i, photo in enumerate(photographs)])
    task = ConfigurableTask(
        config={
            "task": "tiny_where",
            "custom_dataset": lambda **_: {"test": rows},
            "test_split": "test",
            "output_type": "generate_until",
            "doc_to_text": lambda doc: f"<image>Where is photograph {doc['i']}?",
            "doc_to_target": lambda doc: f"answer {doc['i']}",
            "doc_to_image": lambda doc: [Photograph(doc["path"])],
            "process_results": lambda doc, results: {
                "right": float(results[0] == f"answer {doc['i']}"),
                "kept": float(results[0].finish_reason == "stop"),
            },
            "metric_list": [
                {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("right", "kept")
            ],
            "generation_kwargs": dict(GREEDY),
            "num_fewshot": 0,
            "fewshot_config": {"samples": []},
            "metadata": {"version": 1},
        }
    )
    models.register()
    monkeypatch.setattr(lm_eval.evaluator, "add_env_info", lambda storage: None)  # takes seconds to ask pip
    with ChatServer(echo) as server:
        results = lm_eval.evaluator.simple_evaluate(
            model="endpoint",
            model_args=f"base_url={server.base_url},num_concurrent=4,timeout=20,max_retries=0",
            tasks=[task],
            apply_chat_template=template,
            system_instruction="You are a helpful assistant.",
            bootstrap_iters=0,
            log_samples=False,
        )
        payloads = [one.payload for one in server.asked]
    assert results["results"]["tiny_where"]["right,none"] == 1.0
    assert results["results"]["tiny_where"]["kept,none"] == 1.0
    assert results["config"]["model_name"] == "tiny"
    assert len(payloads) == len(photographs)
    for payload in payloads:
        if template:
            assert payload["messages"][0] == {"role": "system", "content": "You are a helpful assistant."}
        assert len(payload["messages"]) == (2 if template else 1)
        assert sum(part["type"] == "image_url" for part in payload["messages"][-1]["content"]) == 1


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "refusals.json").read_text(encoding="utf-8"))
SENT = {"model": "m", "messages": [], "max_tokens": 1024, "temperature": 0, "seed": 0, "stop": ["</x>"]}
SENT |= {"repetition_penalty": 1.0, "top_k": 1}


@pytest.mark.parametrize("case", GOLDEN["fields"], ids=lambda case: case["message"][:60])
def test_a_refused_field_is_adapted_as_its_sentence_says(case: dict[str, Any]) -> None:
    error = {"error": {"message": case["message"], "type": "invalid_request_error"}}
    rules = rules_after(
        Rules(),
        error,
        case["message"],
        SENT | case.get("sent", {}),
        case.get("explicit", ()),
        has_system=True,
        has_webp=case.get("webp", False),
    )
    expected = case["taught"]
    if expected is None:
        assert rules is None
        return
    assert rules == Rules(
        expected.get("rename", {}),
        frozenset(expected.get("omit", ())),
        expected.get("system"),
        expected.get("stream", False),
        expected.get("nowebp", False),
    )


@pytest.mark.parametrize("case", GOLDEN["filters"], ids=lambda case: json.dumps(case["body"])[:60])
def test_a_filter_is_told_from_an_error(case: dict[str, Any]) -> None:
    assert refused(case["status"], case["body"]) is case["refused"]
