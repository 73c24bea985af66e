"""A stand-in for vLLM behind `ray-vllm`, and the same model in one process: `--model ray_stub:Stub`, `ray_stub:Alone`.

The stub takes the place of the stage of Ray's processor that runs vLLM; all else is what a real run goes through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

from ray_engine import answer, answered, stub_stage

from globe_eval.models import ray_rows
from globe_eval.models.ray_vllm import RayVllm
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel


def chat(messages: list[dict[str, Any]], **_: Any) -> str:
    """A chat template: the texts, one after the other."""
    return "\n".join("".join(part.get("text", "<image>") for part in message["content"]) for message in messages)


class Alone(SimpleModel):
    """The same answers, in this process."""

    name = "alone"

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        return "\n".join(message["content"] for message in chat_history)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[Response]:
        return [
            Response(
                text := answer(request.args[2]["visual"][0].decode(), request.args[0]),
                finish_reason="stop",
                prompt_tokens=len(request.args[0]),
                completion_tokens=len(text),
            )
            for request in requests
        ]


class Stub(RayVllm):
    """`seconds` is how long an engine takes for a batch."""

    name = "stub"

    def __init__(self, seconds: float = 0.0, **arguments: Any) -> None:
        self.seconds = seconds
        super().__init__(**arguments)

    def check_engine(self) -> None:
        """There is no vLLM to ask."""

    def check_sampling(self, sampling: Mapping[str, Any]) -> None:
        """There is no vLLM to ask."""

    def load_processor(self) -> Any:
        text = SimpleNamespace(
            eos_token="<end>", all_special_ids=[0], decode=lambda tokens, **_: bytes(tokens).decode()
        )
        return SimpleNamespace(apply_chat_template=chat, tokenizer=text)

    def engines(self, questions: Any) -> Any:
        processor = super().engines(questions)
        stage = processor.get_stage_by_name("vLLMEngineStage")
        processor.stages["vLLMEngineStage"] = stub_stage(self.seconds, dict(stage.map_batches_kwargs))
        return processor


class Local(Stub):
    """The same without Ray: each row goes the same way in this process, the last one first."""

    name = "local"
    fails_after: ClassVar[float] = math.inf
    """Rows after which Ray gives up."""
    engine_error: ClassVar[str] = ""
    """What vLLM says of every row."""

    def connect(self, address: str | None) -> None:
        """There is no Ray."""

    def _rows(self, questions: Any, items: Any) -> Iterator[dict[str, Any]]:
        for number, item in enumerate(reversed(items)):
            if number >= self.fails_after:
                raise RuntimeError("Traceback\n  of a worker\nOSError: no node is left")
            row = ray_rows.with_bytes(item)
            row |= ray_rows.engine_input(questions, row)
            if not row[ray_rows.ERROR]:
                row |= {ray_rows.ERROR: self.engine_error} if self.engine_error else answered(row)
            yield ray_rows.answer_of(row)
