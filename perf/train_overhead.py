"""What globe-train costs beside trl: GRPO with our rewards against plain trl with a reward that does nothing.

    python perf/train_overhead.py MODEL MANIFEST [--steps 6] [--batch 64]

MODEL answers in GLOBE's form (an SFT checkpoint), MANIFEST is of `globe-train world`. Both run in this process with the
same data, seed and arguments, in turn; processor seconds are compared, so that other work on the machine matters
little.
Prints the share of the rewards in a step too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from globe_eval.models import torchvision_cpu

torchvision_cpu.ensure()

import trl  # noqa: E402

from globe_train import checkpoint, data, train  # noqa: E402
from globe_train.recipe import read_recipe  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe = recipe_of(Path(folder), options)
        examples, _ = data.examples_of(recipe)
        rows = data.dataset(examples, recipe)
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        share = []
        for _ in range(options.rounds):
            for name in seconds:
                model, processor = checkpoint.load(recipe, train.configured(recipe))
                spent = [0.0]
                trainer = (
                    ours(recipe, model, processor, rows, spent)
                    if name == "ours"
                    else plain(recipe, model, processor, rows)
                )
                started = time.process_time()
                trainer.train()
                seconds[name].append((time.process_time() - started) / options.steps)
                if name == "ours":
                    share.append(spent[0] / options.steps / seconds[name][-1])
    best = {name: min(values) for name, values in seconds.items()}
    print(json.dumps({"step_s": best, "ratio": best["ours"] / best["plain"], "rewards_share": min(share)}, indent=1))


def recipe_of(folder: Path, options: argparse.Namespace) -> Any:
    trainer = {
        "max_steps": options.steps,
        "per_device_train_batch_size": options.batch,
        "num_generations": 8,
        "max_completion_length": 72,
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    values = {
        "kind": "grpo",
        "departures": ["a measurement"],
        "model": str(options.model),
        "output": str(folder / "out"),
        "data": {"manifest": str(options.manifest.resolve())},
        "rewards": {"r_geo": 1.0, "r_f1": 1.0, "r_format": 1.0},
        "trainer": trainer,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_recipe(str(path))


def ours(recipe: Any, model: Any, processor: Any, rows: Any, spent: list[float]) -> Any:
    trainer = train.grpo_trainer(recipe, train.configured(recipe), model, processor, rows)

    def timed(reward: Any) -> Any:
        def call(**given: Any) -> Any:
            started = time.process_time()
            values = reward(**given)
            spent[0] += time.process_time() - started
            return values

        call.__name__ = reward.__name__
        return call

    trainer.reward_funcs = [timed(reward) for reward in trainer.reward_funcs]
    return trainer


def plain(recipe: Any, model: Any, processor: Any, rows: Any) -> Any:
    def nothing(completions: Any, **_: Any) -> list[float]:
        return [float(len(turns[0]["content"])) for turns in completions]

    config = train.configured(recipe)
    config.reward_weights = None
    kept = rows.select_columns(["prompt", "images"])
    return trl.GRPOTrainer(
        model=model, args=config, train_dataset=kept, reward_funcs=nothing, processing_class=processor
    )


if __name__ == "__main__":
    main()
