from __future__ import annotations

import json
import os
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

MAX_TOKENS = 48


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six landscapes of different sizes: a sky, a ground, some blocks."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for i in range(6):
        random = np.random.default_rng(i)
        height, width = random.integers(100, 300, 2)
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        pixels[: height // 2], pixels[height // 2 :] = random.integers(0, 256, (2, 3))
        for _ in range(10):
            y, x = random.integers(0, 90, 2)
            pixels[y : y + random.integers(5, 60), x : x + random.integers(5, 60)] = random.integers(0, 256, 3)
        paths.append(folder / f"{i}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def evaluate(checkpoint: Path, pictures: list[Path], batch_size: int) -> list[str]:
    """The responses that stock lm-eval's `hf-multimodal` gives, in the pictures' order."""
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask

    from globe_eval.benchmarks.images import Photograph

    rows = datasets.Dataset.from_list([{"image": str(path)} for path in pictures])
    task = ConfigurableTask(
        config={
            "task": "pictures",
            "output_type": "generate_until",
            "custom_dataset": lambda **_: {"test": rows},
            "test_split": "test",
            "description": SYSTEM,
            "doc_to_text": f"<image>{PROMPTS['globe_readme'].text}",
            "doc_to_target": "",
            "doc_to_image": lambda doc: [Photograph(doc["image"])],
            "process_results": lambda doc, results: {"heard": 1.0},
            "metric_list": [{"metric": "heard", "aggregation": "mean", "higher_is_better": True}],
            "num_fewshot": 0,
            "fewshot_config": {"samples": []},
            "generation_kwargs": {"until": [], "max_gen_toks": MAX_TOKENS, "do_sample": False, "temperature": 0.0},
        }
    )
    evaluated = lm_eval.simple_evaluate(
        model="hf-multimodal",
        model_args={"pretrained": str(checkpoint), "dtype": "float32", "device": "cpu"},
        tasks=[task],
        batch_size=batch_size,
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    samples = sorted(evaluated["samples"]["pictures"], key=lambda sample: sample["doc_id"])
    return [sample["resps"][0][0] for sample in samples]


def argmax_loop(checkpoint: Path, pictures: list[Path]) -> list[str]:
    """The same without lm-eval and without `generate`: one forward pass a token over the whole text, no cache."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor, model = (loader.from_pretrained(checkpoint) for loader in (AutoProcessor, AutoModelForImageTextToText))
    prompt = (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>"
        f"{PROMPTS['globe_readme'].text}<|im_end|>\n<|im_start|>assistant\n"
    )
    texts = []
    for path in pictures:
        inputs = processor(images=[Image.open(path)], text=[prompt], return_tensors="pt")
        said: list[int] = []
        while len(said) < MAX_TOKENS and (not said or said[-1] != processor.tokenizer.eos_token_id):
            with torch.no_grad():
                said.append(int(model(**inputs).logits[0, -1].argmax()))
            for name, value in (("input_ids", said[-1]), ("attention_mask", 1), ("mm_token_type_ids", 0)):
                inputs[name] = torch.cat([inputs[name], torch.tensor([[value]])], dim=1)
        texts.append(processor.tokenizer.decode(said, skip_special_tokens=True))
    return texts


def test_the_same_seed_gives_the_same_bytes(tiny_qwen: Path, tmp_path: Path) -> None:
    import tiny_models as module

    again, other = module.build(tmp_path / "again", seed=0), module.build(tmp_path / "other", seed=1)
    for file in tiny_qwen.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name
    assert (other / "model.safetensors").read_bytes() != (tiny_qwen / "model.safetensors").read_bytes()


def test_it_loads_as_any_published_checkpoint(tiny_qwen: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny_qwen)
    assert type(processor).__name__ == "Qwen2_5_VLProcessor"
    assert type(processor.video_processor).__name__ == "Qwen2VLVideoProcessor"
    model = AutoModelForImageTextToText.from_pretrained(tiny_qwen)
    assert type(model).__name__ == "Qwen2_5_VLForConditionalGeneration"
    assert sum(weight.numel() for weight in model.parameters()) < 1_000_000
    text = "Zażółć <think> 東京"
    assert processor.tokenizer.decode(processor.tokenizer(text)["input_ids"]) == text


@pytest.fixture(scope="module")
def responses(tiny_qwen: Path, pictures: list[Path]) -> list[str]:
    return evaluate(tiny_qwen, pictures, batch_size=1)


def test_hf_multimodal_gives_what_the_model_says(tiny_qwen: Path, pictures: list[Path], responses: list[str]) -> None:
    assert responses == argmax_loop(tiny_qwen, pictures)
    assert len(set(responses)) == len(pictures)
    assert set("".join(responses)) <= set(string.printable)
    assert any(len(response) > 40 for response in responses)


def test_batches_change_nothing(tiny_qwen: Path, pictures: list[Path], responses: list[str]) -> None:
    """The pictures have several sizes, so that a batch is padded."""
    assert evaluate(tiny_qwen, pictures, batch_size=4) == responses


def python(program: str) -> str:
    """What a fresh process prints."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command: list[Any] = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_torchvision_can_be_imported_beside_any_torch() -> None:
    pytest.importorskip("torchvision")
    program = (
        "from globe_eval.models import torchvision_cpu\n"
        "declared = torchvision_cpu.ensure()\n"
        "import torch, torchvision.transforms.v2\n"
        "print(declared == torchvision_cpu.ensure(), hasattr(torch.ops.torchvision, 'nms'))"
    )
    assert python(program) == "True True"


def test_where_torchvision_is_absent_torch_is_not_imported() -> None:
    program = (
        "import sys, importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torchvision' else find(name, *rest)\n"
        "from globe_eval.models import torchvision_cpu\n"
        "print(torchvision_cpu.ensure(), 'torch' in sys.modules)"
    )
    assert python(program) == "False False"


def test_decoding_arguments_of_the_command_line_reach_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from globe_eval.cli import main

    checkpoint = Path(__file__).parents[2] / "globe_train" / "checkpoints" / "miniworld_globe"
    said = {}
    for name, given in (
        ("greedy", "max_tokens=16"),
        ("hot", "temperature=5.0,max_completion_tokens=16"),
        ("short", "max_tokens=2"),
    ):
        words = ["--model", "hf-multimodal", "--model_args", f"pretrained={checkpoint}", "--device", "cpu"]
        words += ["--tasks", "miniworld", "--limit", "2", "-o", str(tmp_path / name), "--gen_kwargs", given]
        assert main(words) == 0
        lines = (tmp_path / name / "miniworld" / "samples.jsonl").read_text().splitlines()
        said[name] = [json.loads(line)["response"] for line in lines]
    assert said["hot"] != said["greedy"], "a temperature samples, without do_sample beside it"
    for whole, short in zip(said["greedy"], said["short"], strict=True):
        assert whole.startswith(short) and len(short) < len(whole)
    capsys.readouterr()
    assert main([*words[:-1], "no_such_argument=1", "--fresh"]) == 2
    assert "no_such_argument" in capsys.readouterr().err
