"""A stand-in for trl's vLLM whose answers depend on picture and turn alone, however many processes ask.

`python answering.py WORDS` is globe-train with it: what a model samples differs from process to process (trl seeds each
with its number), and what comes after sampling should not.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from typing import Any


class Answers:
    """In the place of `trl.generation.vllm_generation.VLLMGeneration`; `asked` is what it was given."""

    def __init__(self, model: Any, **_: Any) -> None:
        self.asked: list[tuple[list[int], Any]] = []

    def sync_weights(self) -> None:
        """The answers do not depend on the weights."""

    def generate(self, prompts: Any, images: Any, num_generations: int, profiler: Any = None) -> Any:
        """(prompts, ids of the answers, log-probabilities, None) as trl wants them."""
        self.asked += zip(prompts, images, strict=True)
        turns: Counter[bytes] = Counter()
        ids = []
        for pictures in images:
            picture = pictures[0].tobytes()
            draw = random.Random(picture + bytes([turns[picture]]))
            turns[picture] += 1
            ids.append([draw.randrange(20, 200) for _ in range(draw.randrange(3, 9))])
        return prompts, ids, [[[-1.0] for _ in answer] for answer in ids], None


def install() -> None:
    """Let trl's GRPOTrainer of this process take its answers here."""
    import trl.trainer.grpo_trainer as module

    module.VLLMGeneration = Answers


if __name__ == "__main__":
    from globe_eval.models import torchvision_cpu

    torchvision_cpu.ensure()
    install()
    from globe_train import cli, vllm

    vllm.version = lambda name: "0.31.0"  # none is needed
    sys.exit(cli.main(sys.argv[1:]))
