"""`globe-train launch`: the commands of a training on several GPUs, servers and trainer with the GPUs of each.

`globe-train launch grpo RECIPE --gpus 4+2+2` starts the servers, waits until they answer, trains, and ends them;
`--print` shows the commands instead.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from globe_eval.errors import InputError
from globe_train import card, vllm
from globe_train import recipe as recipes
from globe_train.recipe import Gpus, Recipe

ACCELERATE = Path(__file__).parent / "accelerate"
START_S = 1800.0
"""How long a server may take to load its model."""


@dataclass(frozen=True)
class Program:
    """A program to start: its command line, environment variables, and its URL if it is a server."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.environment.items()), shlex.join(self.words)])


def commands(
    recipe: Recipe,
    overrides: Sequence[str] = (),
    *,
    gpus: str | None = None,
    sharding: str = "zero3",
    reward_model: Path = Path("out/globe-r-loc"),
    resume: bool = False,
) -> list[Program]:
    """The servers of a recipe, which has `overrides` over it, and, last, its trainer, to which these are handed on.

    `gpus` is as the recipe's key (None takes the recipe's), `sharding` "zero3" or "fsdp2", for more than one process,
    `reward_model` the folder that `r_loc`'s server serves, an adapter or a model. Raises InputError for GPUs that do
    not fit the recipe.
    """
    given = recipes.gpus(recipe if gpus is None else recipe.with_value("gpus", gpus))
    trainer, r_loc = recipe.get("trainer") or {}, recipes.reward_parameters(recipe, "r_loc")
    serves = bool(trainer.get("use_vllm")) and trainer.get("vllm_mode") == "server"
    judges = "server" in r_loc
    for n, wanted, what in ((given.policy, serves, "the policy's server"), (given.reward, judges, "r_loc's")):
        if bool(n) != wanted:
            reason = "the recipe has none" if n else "the recipe has one, so it wants GPUs"
            raise recipe.error(f"gpus: found {given.text}: {n} for {what}; {reason} (TRAIN+POLICY+REWARD)", "gpus")
    made = []
    if serves:
        made.append(policy_server(recipe, range(given.train, given.train + given.policy)))
    if judges:
        first = given.train + given.policy
        made.append(reward_server(recipe, r_loc, range(first, first + given.reward), reward_model))
    return [*made, training(recipe, overrides, given, sharding, resume)]


def policy_server(recipe: Recipe, gpus: range) -> Program:
    """vLLM with the model that is trained, to which trl sends each step's weights."""
    address = urlsplit(vllm.address(recipe["trainer"]))
    words = ["vllm", "serve", recipe["model"], "--host", str(address.hostname), "--port", str(address.port)]
    words += ["--data-parallel-size", str(len(gpus)), *vllm.FLAGS, *pictures(recipe.get("max_pixels"))]
    return Program(tuple(words), visible(gpus) | vllm.ENVIRONMENT, f"{address.scheme}://{address.netloc}")


def reward_server(recipe: Recipe, r_loc: Mapping[str, object], gpus: range, folder: Path) -> Program:
    """vLLM with the reward model, under the name by which the recipe asks for it."""
    address = urlsplit(str(r_loc["server"]))
    name = str(r_loc.get("model") or "r_loc")
    adapter = folder / "adapter_config.json"
    if adapter.is_file() or not folder.exists():  # not trained yet: the shipped recipe makes an adapter
        written = json.loads(adapter.read_text(encoding="utf-8")) if adapter.is_file() else {}
        base, rank = str(written.get("base_model_name_or_path", recipe["model"])), int(written.get("r", 16))
        served = [base, "--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{name}={folder}"]
    else:
        served = [str(folder), "--served-model-name", name]
    words = ["vllm", "serve", *served, "--host", str(address.hostname), "--port", str(address.port or 80)]
    beside = folder / card.RECIPE  # where it is not trained yet, the shipped recipe will train it
    trained_with = recipes.read_recipe(str(beside) if beside.is_file() else "reward_model")
    words += ["--data-parallel-size", str(len(gpus)), *pictures(trained_with.get("max_pixels"))]
    return Program(tuple(words), visible(gpus), f"{address.scheme}://{address.netloc}")


def pictures(max_pixels: int | None) -> list[str]:
    """The flags of a server that sees pictures of at most so many pixels."""
    return [] if max_pixels is None else ["--mm-processor-kwargs", f'{{"max_pixels":{max_pixels}}}']


def training(recipe: Recipe, overrides: Sequence[str], gpus: Gpus, sharding: str, resume: bool) -> Program:
    """The trainer: by accelerate where it is more than one process."""
    config = ACCELERATE / f"{sharding}.yaml"
    launcher = ["-m", "accelerate.commands.launch", "--config_file", str(config), "--num_processes", str(gpus.train)]
    verb = [*recipe.command, *overrides, *(["--resume"] if resume else [])]
    words = [sys.executable, *(launcher if gpus.train > 1 else []), "-m", "globe_train.cli", *verb]
    return Program(tuple(words), visible(range(gpus.train)))


def visible(gpus: range) -> dict[str, str]:
    """The environment of a process that sees these GPUs alone."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus))}


def run(made: Sequence[Program], logs: Path) -> int:
    """Start the servers, wait until they answer, train, end the servers; returns the trainer's exit code.

    What a server prints goes to `logs`. Raises InputError where one ends or does not answer in START_S.
    """
    *servers, trainer = made
    started: list[tuple[Program, subprocess.Popen[bytes], Path]] = []
    logs.mkdir(parents=True, exist_ok=True)
    try:
        for number, server in enumerate(servers, start=1):
            log = logs / f"server-{number}.log"
            print(f"+ {server} > {log}", flush=True)
            with log.open("wb") as out:
                environment = {**os.environ, **server.environment}
                process = subprocess.Popen(server.words, stdout=out, stderr=out, env=environment)
            started.append((server, process, log))
        for server, process, log in started:
            wait(server, process, log)
        print(f"+ {trainer}", flush=True)
        return subprocess.run(trainer.words, env={**os.environ, **trainer.environment}, check=False).returncode
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: not installed; pip install 'globe-eval[gpu]'") from None
    finally:
        for _, process, _ in started:
            process.terminate()
        for _, process, _ in started:
            process.wait()


def wait(server: Program, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a server answers."""
    import httpx

    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise InputError(f"{server.url}: the server ended with exit code {code}: {' '.join(last)[:300]} ({log})")
        try:
            if httpx.get(f"{server.url}/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise InputError(f"{server.url}: does not answer after {START_S:g} s ({log})")
