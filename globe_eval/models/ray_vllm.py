"""vLLM on many GPUs and machines, by Ray Data's own vLLM processor (`ray.data.llm`).

Ray places the engines, hands them batches, starts one again that died and gives a lost node's batches to others;
nothing is scheduled here. Pictures are read on the machine that this runs on, some batches ahead, and streamed to the
engines: the other nodes need the weights and this package, and no picture.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from lm_eval.api.instance import Instance

from globe_eval.errors import IncompleteRun, InputError, nearest
from globe_eval.models import ray_rows
from globe_eval.models.ray_rows import EngineRequest, Row
from globe_eval.models.response import Response
from globe_eval.models.sharing import Failures
from globe_eval.models.simple import SimpleModel

if TYPE_CHECKING:
    from globe_eval.models.endpoint import Budget

BATCH = 32
"""Photographs that an engine is handed at once; it works on eight such batches at the same time."""
READERS = 4
"""Tasks that read pictures at the same time."""


class RayVllm(SimpleModel):
    """vLLM engines on a Ray cluster.

    Args:
        pretrained: the weights: a folder that every node has at the same path, or a repository's name.
        concurrency: how many engines at most; they are started as there is room for them and work for them.
        address: of the Ray cluster, as `ray.init` takes it; `auto` is the one that this machine belongs to. None starts
            Ray on this machine alone.
        batch_size: photographs in a batch.
        device: `cpu` reserves a core for an engine instead of its GPUs.
        seed: of answers that are sampled; sent with each request, raised by one for each repetition.
        engine: arguments of vLLM's engine (dtype, max_model_len, tensor_parallel_size, gpu_memory_utilization, ...).

    Raises InputError: an argument that neither has, or out of range; no cluster at the address; no GPU for an engine on
    this machine alone. Raises ModuleNotFoundError where Ray, vLLM or transformers are not installed.
    """

    name = "ray-vllm"

    def __init__(
        self,
        pretrained: str,
        concurrency: int = 1,
        address: str | None = None,
        batch_size: int = BATCH,
        device: str | None = None,
        seed: int = 0,
        **engine: Any,
    ) -> None:
        super().__init__()
        for name, value in (("concurrency", concurrency), ("batch_size", batch_size)):
            if type(value) is not int or value < 1:
                raise InputError(f"model {self.name!r}: {name}={value!r}; allowed: whole numbers from 1")
        self.pretrained, self.engine, self.seed = str(pretrained), engine, seed
        self.concurrency, self.batch_size = concurrency, batch_size
        self.on_cpu = device == "cpu"
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if address is None:  # Ray alone on a machine would still listen on all of its addresses, but for this name
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        self.check_engine()
        self.processor = self.load_processor()
        self.connect(address)

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> Self:
        """The model from `--model_args`, `--batch_size` and `--device`. Raises InputError without `pretrained`."""
        if "pretrained" not in arg_dict:
            raise InputError(f"model {cls.name!r}: the argument 'pretrained' is missing, as in pretrained=…")
        given = {name: value for name, value in (additional_config or {}).items() if name in ("batch_size", "device")}
        return cls(**({name: value for name, value in given.items() if value is not None} | arg_dict))

    def check_engine(self) -> None:
        """Raise InputError for arguments that vLLM's engine does not have."""
        import vllm

        allowed = [field.name for field in dataclasses.fields(vllm.AsyncEngineArgs)]
        for name in self.engine:
            if name not in allowed:
                own = ("pretrained", "concurrency", "address", "batch_size", "seed")
                raise InputError(
                    f"model {self.name!r}: no argument {name!r}{nearest(name, [*own, *allowed])} (allowed: "
                    f"{', '.join(own)}, and those of vLLM's engine)"
                )

    def check_sampling(self, sampling: Mapping[str, Any]) -> None:
        """Raise InputError for decoding arguments that vLLM does not take."""
        import vllm

        try:
            vllm.SamplingParams(**sampling)
        except (TypeError, ValueError) as error:
            raise InputError(f"--gen_kwargs: vLLM does not take them: {_reason(error)}") from None

    def load_processor(self) -> Any:
        """The model's own processor, of which the chat template and the tokenizer are used here."""
        from transformers import AutoProcessor

        more = {name: self.engine[name] for name in ("revision", "trust_remote_code") if name in self.engine}
        make: Any = AutoProcessor  # its methods are untyped
        return make.from_pretrained(self.pretrained, **more)

    def connect(self, address: str | None) -> None:
        """Join the cluster, or start Ray here. Raises InputError where there is none, or no GPU on this machine."""
        import ray
        from ray.data import DataContext

        if not ray.is_initialized():
            alone: Row = {"include_dashboard": False} if address is None else {}
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **alone)
            except Exception as error:  # of many kinds, and of none
                where = "here" if address is None else f"at {address}"
                raise InputError(f"model {self.name!r}: Ray {where}: {_reason(error)}") from error
        DataContext.get_current().enable_progress_bars = False
        for name in ("ray.data", "ray.llm", "ray._private.worker"):
            logging.getLogger(name).setLevel(logging.ERROR)
        if not self.on_cpu:
            self._refuse_no_gpu(address)

    def engines(self, questions: Sequence[EngineRequest]) -> Callable[[Any], Any]:
        """Ray's processor: from a data set of pictures to one of answers."""
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        config = vLLMEngineProcessorConfig(
            model_source=self.pretrained,
            engine_kwargs=dict(self.engine),
            concurrency=self.concurrency,
            batch_size=self.batch_size,
            chat_template_stage=False,
            tokenize_stage=False,
            detokenize_stage=False,
            should_continue_on_error=True,
            log_engine_metrics=False,
            placement_group_config={"bundles": [{"CPU": 1}]} if self.on_cpu else None,
        )
        processor: Callable[[Any], Any] = build_processor(config, preprocess=partial(ray_rows.engine_input, questions))
        return processor

    def get_model_info(self) -> dict[str, Any]:
        """The model's name, as results record it."""
        return {"model_name": self.pretrained}

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The chat as the model's own template writes it, with the picture where `<image>` stands."""
        text: str = self.processor.apply_chat_template(
            [{**message, "content": _parts(message["content"])} for message in chat_history],
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
        )
        return sys.intern(text)  # lm-eval keeps one a photograph, mostly the same

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order. What `answers` raises is raised."""
        found = dict(self.answers(requests))
        return [found[index] for index in range(len(requests))]

    def answers(
        self,
        requests: Sequence[Instance],
        *,
        repeats: Sequence[int] | None = None,
        answered: int = 0,
        budget: Budget | None = None,
    ) -> Iterator[tuple[int, Response]]:
        """Each request's index and response as the batches come back, in any order.

        The arguments are those of `Endpoint.answers`; once the budget is spent, what is in flight is given up. Leaving
        the loop early (an exception, Ctrl-C) stops what is in flight.

        Raises InputError where nothing was answered and nothing will be, IncompleteRun where Ray gave up in the middle.
        """
        if not requests:
            return
        questions, items = self._questions(requests, repeats or [0] * len(requests))
        failures, unanswered = Failures(len(requests), answered), set(range(len(requests)))
        try:
            for row in self._rows(questions, items):
                response = self._response(row, questions[items[row["index"]]["question"]])
                if response.error is None:
                    failures.answered()
                elif failures.hopeless_after(RuntimeError(response.error)):
                    raise InputError(f"the model fails on every photograph: {response.error}")
                unanswered.discard(row["index"])
                if budget is not None:
                    budget.add(response)
                yield row["index"], response
                if budget is not None and budget.spent(0):
                    return
        except (InputError, IncompleteRun):
            raise
        except Exception as error:  # whatever Ray raises about its nodes and what happened there
            if not answered and len(unanswered) == len(requests):
                raise InputError(f"model {self.name!r}: {_reason(error)}") from error
            raise IncompleteRun(
                f"Ray gave up with {len(unanswered):,} photographs unanswered: {_reason(error)}; start the same "
                "command again to go on"
            ) from error
        if unanswered:
            raise IncompleteRun(f"Ray lost {len(unanswered):,} photographs; start the same command again to go on")

    def _questions(self, requests: Sequence[Instance], repeats: Sequence[int]) -> tuple[list[EngineRequest], list[Row]]:
        """Each question once, and a row a photograph that says where its own is."""
        stops = [self.processor.tokenizer.eos_token]
        numbers: dict[str, int] = {}
        questions: list[EngineRequest] = []
        items: list[Row] = []
        for index, (request, repeat) in enumerate(zip(requests, repeats, strict=True)):
            prompt, gen_kwargs, more = request.args
            (photograph,) = more["visual"]
            key = repr((prompt, gen_kwargs, repeat))
            if key not in numbers:
                numbers[key] = len(questions)
                sampling = sampling_arguments(gen_kwargs, stops, self.seed + repeat)
                self.check_sampling(sampling)
                questions.append(EngineRequest(prompt, sampling))
            items.append({"index": index, "question": numbers[key], "photograph": pickle.dumps(photograph)})
        return questions, items

    def _rows(self, questions: Sequence[EngineRequest], items: Sequence[Row]) -> Iterator[Row]:
        import ray

        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        paths = ray.data.from_items(list(items), override_num_blocks=math.ceil(len(items) / self.batch_size))
        pictures = paths.map(ray_rows.with_bytes, num_cpus=0, concurrency=READERS, label_selector=here)
        answers = self.engines(questions)(pictures).map(ray_rows.answer_of)
        for batch in answers.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from batch.to_pylist()

    def _response(self, row: Row, question: EngineRequest) -> Response:
        if row["error"]:
            return Response("", error=row["error"])
        tokens: list[int] = row["tokens"]
        cut_off = len(tokens) >= question.sampling["max_tokens"] and not self._ended(row["text"], tokens, question)
        return Response(
            row["text"],
            finish_reason="length" if cut_off else "stop",
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=len(tokens),
        )

    def _ended(self, text: str, tokens: Sequence[int], question: EngineRequest) -> bool:
        """Whether the last token that was allowed is an end: Ray's processor does not hand on why vLLM stopped."""
        tokenizer = self.processor.tokenizer
        cut = tokenizer.decode(tokens, skip_special_tokens=False)[len(text) :]
        return tokens[-1] in tokenizer.all_special_ids or any(stop in cut for stop in question.sampling["stop"])

    def _refuse_no_gpu(self, address: str | None) -> None:
        import ray

        wanted = int(self.engine.get("tensor_parallel_size", 1)) * int(self.engine.get("pipeline_parallel_size", 1))
        there = int(ray.cluster_resources().get("GPU", 0))
        if there >= wanted:
            return
        reason = f"model {self.name!r}: an engine takes {wanted} GPUs, and Ray has {there}"
        if address is None:
            raise InputError(f"{reason}; --device cpu does without, and address=auto is a cluster's")
        print(f"globe-eval: {reason}; waiting for more", file=sys.stderr)


def sampling_arguments(gen_kwargs: Mapping[str, Any], stops: Sequence[str], seed: int) -> Row:
    """A task's decoding arguments as arguments of vLLM's SamplingParams, converted as in lm-eval's `vllm-vlm`.

    `stops` end an answer besides; `seed` is of an answer that is sampled, unless the arguments name one.

    >>> sampling_arguments({"do_sample": False, "until": ["x"], "max_gen_toks": 9}, ["<eos>"], 0)["stop"]
    ['x', '<eos>']
    """
    from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs

    arguments: Row = dict(normalize_gen_kwargs(dict(gen_kwargs)))
    until, limit, sampled = (arguments.pop(name, None) for name in ("until", "max_gen_toks", "do_sample"))
    for stop in stops:
        until = handle_stop_sequences(until, eos=stop)
    # As in lm_eval.models.vllm_causallms, whose `modify_gen_kwargs` can be imported only where vLLM is.
    shown = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
    return {**shown, **({"seed": seed} if sampled else {}), **arguments, "stop": until, "max_tokens": limit}


def _parts(text: str) -> list[Row]:
    """A message's text with its pictures as parts of their own."""
    parts: list[Row] = []
    for number, piece in enumerate(text.split("<image>")):
        parts += [{"type": "image"}] if number else []
        parts += [{"type": "text", "text": piece}] if piece else []
    return parts


def _reason(error: BaseException) -> str:
    """The last line of what Ray says, which is where a worker's own error stands."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
