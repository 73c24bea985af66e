"""vLLM during GRPO: checks a server before a model is loaded, and bounds the size of pictures.

vLLM scales pictures by what stands in the checkpoint, not by the recipe's `max_pixels`: a server must be started with
the same, and a vLLM of the trainer's process is told here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from globe_eval.errors import InputError, reason_of
from globe_train.checkpoint import is_main_process
from globe_train.recipe import Recipe

RENDER = "/v1/chat/completions/render"
"""Where a server makes features of pictures; vLLM 0.30 and later serve it with --enable-scale-out alone."""
ENVIRONMENT = {"VLLM_SERVER_DEV_MODE": "1"}
FLAGS = (
    *("--weight-transfer-config", '{"backend":"nccl"}', "--logprobs-mode", "processed_logprobs"),
    *("--max-logprobs", "-1", "--enable-scale-out"),
)
"""What trl asks of a server that it sends weights to, and pictures (vLLM 0.30 and later: --enable-scale-out)."""

SERVE = f"VLLM_SERVER_DEV_MODE=1 vllm serve MODEL {shlex.join(FLAGS)} (globe-train launch does)"


def check(recipe: Recipe) -> None:
    """Raise InputError where answers cannot come from vLLM: not installed, no GPU, no server, a server without a flag.

    Does nothing for a recipe without `use_vllm`, and asks the server in one process only.
    """
    trainer = recipe.get("trainer") or {}
    if not trainer.get("use_vllm"):
        return
    try:
        version("vllm")
    except PackageNotFoundError:
        what = f"vllm is not installed ({outside('0')}); allowed without it: trainer.use_vllm=false"
        raise recipe.error(f"trainer, use_vllm: {what}", "trainer", "use_vllm") from None
    if trainer.get("vllm_mode", "colocate") != "server":
        return
    import torch

    if not torch.cuda.is_available():
        what = "trl sends the weights to the server by NCCL, which needs a GPU here"
        allowed = "allowed without one: trainer.use_vllm=false"
        raise recipe.error(f"trainer, vllm_mode: server: {what}; {allowed}", "trainer", "vllm_mode")
    if is_main_process():
        check_server(recipe, address(trainer))


def address(trainer: Mapping[str, Any]) -> str:
    """Where trl looks for the server.

    >>> address({"vllm_server_host": "10.0.0.1"}), address({"vllm_server_base_url": "http://a:1/"})
    ('http://10.0.0.1:8000', 'http://a:1')
    """
    given = trainer.get("vllm_server_base_url")
    if given:
        return str(given).rstrip("/")
    return f"http://{trainer.get('vllm_server_host') or '0.0.0.0'}:{trainer.get('vllm_server_port') or 8000}"


def check_server(recipe: Recipe, url: str) -> None:
    """Raise InputError where a server does not answer or was started without what trl asks of it."""
    import httpx

    keys = ("trainer", "vllm_mode")
    try:
        with httpx.Client(base_url=url, timeout=30) as server:
            server_info = server.get("/server_info", params={"config_format": "json"})
            number = str(server.get("/version").json().get("version"))
            rendered = server.post(RENDER, json={})
    except (httpx.HTTPError, ValueError) as error:
        reason = error or type(error).__name__
        raise recipe.error(f"trainer, vllm_mode: {url} does not answer: {reason}; start it: {SERVE}", *keys) from None
    if unknown := outside(number):
        # trl reads a server's answers to pictures as one version of vLLM writes them: 0.32 calls a token otherwise
        raise recipe.error(f"trainer, vllm_mode: {url} is vllm {number}; {unknown}", *keys)
    lacking = missing_options(server_info, rendered.status_code != 404, recipe.get("max_pixels"))
    if lacking:
        raise recipe.error(f"trainer, vllm_mode: {url} was started without {', '.join(lacking)}", *keys)


def missing_options(server_info: Any, renders: bool, max_pixels: int | None) -> list[str]:
    """What a server was started without, by the answer of its /server_info."""
    if server_info.status_code == 404:
        return ["VLLM_SERVER_DEV_MODE=1"]
    config = server_info.json()["vllm_config"]
    found = []
    if config["weight_transfer_config"] is None:
        found.append('--weight-transfer-config \'{"backend":"nccl"}\'')
    if config["model_config"]["logprobs_mode"] != "processed_logprobs":
        found.append("--logprobs-mode processed_logprobs")
    if not renders:
        found.append("--enable-scale-out")
    pictures = (config["model_config"].get("multimodal_config") or {}).get("mm_processor_kwargs") or {}
    if max_pixels is not None and largest(pictures) != max_pixels:
        found.append(f"--mm-processor-kwargs '{{\"max_pixels\":{max_pixels}}}'")
    return found


def largest(pictures: Mapping[str, Any]) -> int | None:
    """How many pixels a picture may have, by vLLM's `mm_processor_kwargs`; None where they do not say.

    >>> largest({"max_pixels": 100}), largest({"size": {"longest_edge": 9}}), largest({})
    (100, 9, None)
    """
    flat = {**pictures, **(pictures.get("images_kwargs") or {})}
    found = flat.get("max_pixels", (flat.get("size") or {}).get("longest_edge"))
    return None if found is None else int(found)


def prepare(trainer: Any, recipe: Recipe) -> None:
    """Make the vLLM of the trainer's process scale pictures as the trainer does. Raises InputError where it is deaf.

    vLLM's CPU build packs the weights of most layers when it has read them, and leaves nothing that new ones could be
    written into: trl would end in an AttributeError at the first step.
    """
    llm = getattr(getattr(trainer, "vllm_generation", None), "llm", None)
    if llm is None:
        return
    model = llm.llm_engine.model_executor.driver_worker.model_runner.model
    packed = [name for name, weight in model.named_parameters() if weight.numel() == 0]
    if packed:
        raise recipe.error(
            f"trainer, use_vllm: this vLLM ({version('vllm')}) packed {len(packed)} of its weights ({packed[0]}, …) "
            "and cannot be given new ones; its CPU build does that; allowed: a GPU, or trainer.use_vllm=false",
            *("trainer", "use_vllm"),
        )
    if recipe.get("max_pixels") is not None:
        size = dict(trainer.processing_class.image_processor.size)
        llm.generate = partial(llm.generate, mm_processor_kwargs={"size": size})


def outside(number: str) -> str | None:
    """What trl says it works with, where a version of vLLM is not that; None where it is."""
    from packaging.requirements import Requirement

    for one in map(Requirement, requires("trl") or []):
        if one.name == "vllm" and one.specifier and not one.specifier.contains(number.partition("+")[0]):
            return f"trl {version('trl')} works with {one.specifier}"
    return None


def supported_version() -> str:
    """The version of vLLM here, and what trl works with where that is another."""
    found = version("vllm")
    return f"vllm {found}" + (f"; {other}" if (other := outside(found)) else "")


def build(recipe: Recipe, make: Any) -> Any:
    """A trainer made by `make`, or one line about why its vLLM cannot be had."""
    try:
        made = make()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        what = f"trainer, use_vllm: {type(error).__name__}: {reason_of(error)} ({supported_version()})"
        raise recipe.error(what, "trainer", "use_vllm") from error
    prepare(made, recipe)
    return made


def describe(recipe: Recipe) -> list[str]:
    """What a dry run says of vLLM: whether the run would find it, and whether trl was made for it."""
    if not (recipe.get("trainer") or {}).get("use_vllm"):
        return []
    try:
        check(recipe)
    except InputError as error:
        return [f"answers by vLLM: NOT here: {error}"]
    return [f"answers by {supported_version()}"]
