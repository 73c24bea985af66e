"""`datasets` and what stands behind it: not loaded by a run over an endpoint, and there for whoever wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image
from servers import ChatServer

ANSWER = "<answer>country: Japan\ncity: Kyoto</answer>"

RUN = """
import sys
from globe_eval.cli import main
status = main(sys.argv[1:])
print("loaded:", *(name for name in ("pandas", "pyarrow", "torch", "transformers", "aiohttp") if name in sys.modules))
sys.exit(status)
"""

USE = """
import sys
from globe_eval.benchmarks import task
from lm_eval import evaluator
assert "pandas" not in sys.modules
import importlib.util
assert importlib.util.find_spec("datasets").origin.endswith("__init__.py")
import datasets
assert "pandas" not in sys.modules
from datasets.utils import logging
from datasets import Dataset
assert Dataset is sys.modules["datasets"].Dataset is datasets.Dataset
assert Dataset.from_list([{"id": "a"}]).features.keys() == {"id"}
from lm_eval import loggers
assert loggers.EvaluationTracker.__name__ == "EvaluationTracker"
"""


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment)


def test_a_run_over_an_endpoint_never_loads_datasets(tmp_path: Path) -> None:
    Image.new("RGB", (24, 16), (90, 120, 40)).save(tmp_path / "a.jpg")
    (tmp_path / "truth.csv").write_text("id,image,lat,lon,city,country\na,a.jpg,35.0116,135.768,Kyoto,Japan\n")
    task = tmp_path / "one.yaml"
    task.write_text(
        "task: one\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {tmp_path}/truth.csv, images: {tmp_path}}}\nmetadata: {{version: 1}}\n"
    )
    with ChatServer(lambda payload, number: ANSWER) as server:
        done = python(
            RUN,
            *("run", "--model", "endpoint", "--model_args", f"base_url={server.base_url}"),
            *("--tasks", str(task), "--output_path", str(tmp_path / "out")),
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_what_is_deferred_is_there_when_it_is_wanted() -> None:
    done = python(USE)
    assert done.returncode == 0, done.stderr
