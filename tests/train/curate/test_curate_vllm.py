"""A curation with two real models as teachers, each behind a vLLM of its own, through all stages.

Needs an environment with a vLLM that runs on a CPU; $GLOBE_VLLM_ENV names it (see tests/helpers/vllm_server.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_models
import vllm_server
import yaml
from vllm_server import VLLM_ENV, served

from globe_train.cli import main
from globe_train.curate.recipe import recipes_folder
from globe_train.laptop import simulation

pytestmark = pytest.mark.skipif(not VLLM_ENV, reason="GLOBE_VLLM_ENV names no environment with a vLLM")

N = 8


def test_two_served_models_go_through_all_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_server, "START_S", 1200)  # the second server starts while the first takes its turns
    simulation.write(tmp_path / "pool", N, seed=5)
    checkpoints = [tiny_models.build(tmp_path / f"tiny{seed}", seed=seed) for seed in (0, 1)]
    values = yaml.safe_load((recipes_folder() / "miniworld.yaml").read_text(encoding="utf-8"))
    values |= {"predictors": {}, "against": {}, "gen_kwargs": {"max_gen_toks": 48}, "vocabulary": None}
    values |= {"output": str(tmp_path / "out")}
    values["data"] = {"manifest": str(tmp_path / "pool/photographs.jsonl"), "images": str(tmp_path / "pool/world")}
    with served(checkpoints[0], tmp_path / "a.log") as a, served(checkpoints[1], tmp_path / "b.log") as b:
        values["teachers"] = {
            name: {"model": "endpoint", "model_args": {"base_url": url, "model": "tiny", "num_concurrent": 4}}
            for name, url in (("one", a), ("other", b))
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        assert main(["curate", str(tmp_path / "recipe.yaml")]) == 0
    said = {}
    for name in ("one", "other"):
        lines = (tmp_path / f"out/teachers/{name}/curate_localizability/samples.jsonl").read_text(encoding="utf-8")
        samples = [json.loads(line) for line in lines.splitlines()]
        assert len(samples) == N and all(sample["error"] is None and sample["response"] for sample in samples)
        said[name] = [sample["response"] for sample in samples]
    assert said["one"] != said["other"], "two models"
    verdicts = [json.loads(line) for line in (tmp_path / "out/dataset/checks.jsonl").read_text().splitlines()]
    assert len(verdicts) == N and {one["verdict"] for one in verdicts} <= {"localizability", "correctness"}
    assert "no photograph was verified" in capsys.readouterr().out, "random weights know no place"
    assert main(["curate", str(tmp_path / "recipe.yaml")]) == 0, "again, without servers: nothing is asked"
