"""Requests to the endpoint model and what its servers answer, for the tests of it."""

from __future__ import annotations

import base64
import re
import threading
from collections import Counter
from typing import Any

from lm_eval.api.instance import Instance
from servers import ChatServer, Reply

from globe_eval.benchmarks.images import Photograph
from globe_eval.models import request as chat
from globe_eval.models.endpoint import Endpoint

GREEDY = {"until": ["</s>"], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0}
KEY = "sk-planted-0123456789"
PLANTED = b"48.858370,2.294481"


def requests_for(
    photographs: list[Photograph], text: str = "<image>\nWhere is photograph {}?", **gen: Any
) -> list[Instance]:
    return [
        Instance(
            request_type="generate_until",
            doc={"id": str(i)},
            arguments=(
                chat.write_history([{"role": "user", "content": text.format(i)}]),
                GREEDY | gen,
                {"visual": [photo]},
            ),
            idx=0,
            metadata=("task", i, 1),
        )
        for i, photo in enumerate(photographs)
    ]


def asked_about(payload: dict[str, Any]) -> str:
    """The number that the prompt carries."""
    text = "".join(part["text"] for part in payload["messages"][-1]["content"] if part["type"] == "text")
    return re.findall(r"\d+", text)[0]


def sent_image(payload: dict[str, Any]) -> tuple[str, bytes]:
    (url,) = [part["image_url"]["url"] for part in payload["messages"][-1]["content"] if part["type"] == "image_url"]
    head, _, data = url.partition(",")
    return head, base64.b64decode(data, validate=True)


def echo(payload: dict[str, Any], number: int) -> str:
    return f"answer {asked_about(payload)}"


def endpoint(server: ChatServer, **arguments: Any) -> Endpoint:
    return Endpoint(**{"base_url": server.base_url, "backoff": 0.001, **arguments})


def faulty(*replies: Reply) -> Any:
    """Each prompt gets these replies first, one an attempt, and then its answer."""
    attempts: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        with lock:
            attempt = attempts[asked_about(payload)]
            attempts[asked_about(payload)] += 1
        return replies[attempt] if attempt < len(replies) else echo(payload, number)

    return answer
