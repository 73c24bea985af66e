"""What stands beside a trained checkpoint: its card, its log, its curves, all written by the program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from globe_eval import __version__
from globe_train import curves
from globe_train.contamination import FILE as CONTAMINATION
from globe_train.data import Examples
from globe_train.recipe import Recipe

LOG, CURVES, CARD, RECIPE, ABOUT = "log.jsonl", "curves.png", "README.md", "recipe.yaml", "training.json"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "vllm", "deepspeed")


def write(
    recipe: Recipe,
    examples: Examples,
    shared: Sequence[Mapping[str, Any]],
    log: Sequence[Mapping[str, Any]],
    *,
    seconds: float,
    resumed: Path | None,
) -> None:
    """Write everything that a later reader needs into the recipe's folder."""
    folder = recipe.output
    about = {
        "kind": recipe["kind"],
        "parent": recipe["model"],
        "parent_sha256": weights_sha256(Path(str(recipe["model"]))),
        "data": {"source": examples.source, "n": len(examples.rows), "sha256": examples.sha256},
        "notes": list(examples.notes),
        "contamination": list(shared),
        "seed": recipe.get("seed", 0),
        "hours": round(seconds / 3600, 4),
        "resumed_from": None if resumed is None else resumed.name,
        "libraries": {"globe-eval": __version__, **libraries()},
        "weights_sha256": weights_sha256(folder),
    }
    texts = {
        RECIPE: yaml.safe_dump(dict(recipe.values), sort_keys=False, allow_unicode=True),
        LOG: "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in log),
        CONTAMINATION: json.dumps(list(shared), indent=1) + "\n",
        ABOUT: json.dumps(about, indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    if drawn := curves.series(log):
        curves.draw(drawn, folder / CURVES)
    write_card(folder)


def write_card(folder: Path, runs: Sequence[Path] = ()) -> Path:
    """Write the model card of a trained folder, with the results of globe-eval runs of it; returns its path."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    recipe = (folder / RECIPE).read_text(encoding="utf-8")
    results = [json.loads((run / "results.json").read_text(encoding="utf-8")) for run in runs]
    head = {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "base_model": about["parent"],
        "tags": ["image-geolocation", f"globe-train-{about['kind']}"],
    }
    if results:
        head["model-index"] = [{"name": folder.name, "results": [indexed(result) for result in results]}]
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip(),
        "---",
        "",
        f"# {folder.name}",
        "",
        f"Trained by globe-train ({about['kind']}) from `{about['parent']}`. This card was written by the program.",
        "",
        *table(("", ""), facts(about)),
        "",
        *overlap_lines(about["contamination"]),
        *[f"- {note}" for note in about["notes"]],
        "",
        *result_lines(results),
        *held_out_lines(folder),
        "## Curves",
        "",
        f"![learning curves]({CURVES})",
        "",
        "## Recipe",
        "",
        "```yaml",
        recipe.strip(),
        "```",
        "",
        "Not for locating people: see docs/responsible_use.md of globe-eval.",
        "",
    ]
    path = folder / CARD
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def facts(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rows of a card's first table."""
    data = about["data"]
    return [
        ("data", f"{data['source']}, {data['n']:,} rows, SHA-256 `{data['sha256']}`"),
        (
            "parent",
            f"`{about['parent']}`" + (f", weights `{about['parent_sha256']}`" if about["parent_sha256"] else ""),
        ),
        ("weights", f"SHA-256 `{about['weights_sha256']}`"),
        ("seed", str(about["seed"])),
        (
            "hours",
            f"{about['hours']:.2f}" + (f", resumed from {about['resumed_from']}" if about["resumed_from"] else ""),
        ),
        ("libraries", ", ".join(f"{name} {number}" for name, number in about["libraries"].items())),
    ]


def overlap_lines(shared: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the training data share with benchmarks, a line each."""
    if not shared:
        return ["Not checked for photographs shared with any benchmark (the recipe has no `against`).", ""]
    return [
        f"- shared with {entry['benchmark']} ({entry['n']:,} photographs): "
        + ", ".join(f"{kind} {'unknown' if n is None else n}" for kind, n in entry["shared"].items())
        for entry in shared
    ]


def result_lines(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The results of evaluations with their intervals."""
    if not results:
        return []
    rows = []
    for result in results:
        for name, figure in result["metrics"].items():
            value, low, high = (figure.get(key) for key in ("value", "low", "high"))
            interval = "" if low is None or high is None else f"{low:.4g} – {high:.4g}"
            rows.append((str(result["task"]), name, "" if value is None else f"{value:.4g}", interval))
    return ["## Results", "", *table(("benchmark", "metric", "value", "95 % interval"), rows), ""]


def held_out_lines(folder: Path) -> list[str]:
    """A reward model's figures on what it did not see."""
    file = folder / "held_out.json"
    if not file.is_file():
        return []
    held = json.loads(file.read_text(encoding="utf-8"))
    rows = [(name, "unknown" if value is None else f"{value:.4g}") for name, value in held.items()]
    return ["## Held out", "", *table(("", ""), rows), ""]


def indexed(result: Mapping[str, Any]) -> dict[str, Any]:
    """One evaluation in the hub's `model-index` form."""
    metrics = [
        {"type": name, "name": name, "value": figure["value"]}
        for name, figure in result["metrics"].items()
        if figure.get("value") is not None
    ]
    return {
        "task": {"type": "image-text-to-text", "name": "image geolocation"},
        "dataset": {"name": result["task"], "type": result["task"]},
        "metrics": metrics,
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(row) + " |" for row in cells]


def libraries() -> dict[str, str]:
    """The versions of what trains, of those that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def weights_sha256(folder: Path) -> str | None:
    """SHA-256 over a folder's safetensors files in the order of their names; None where it has none."""
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
