"""Writes the card, log and curves that accompany a trained checkpoint.

A card shows what evaluations found, and says it in `model-index` and `.eval_results` to the hub, in the forms of
`globe-eval export`. A run that is not of the whole benchmark is shown, marked, and stays out of what the hub reads.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw, ImageFont

from globe_eval import __version__
from globe_eval.errors import IncompleteRun, InputError, reason_of
from globe_eval.reports import notation
from globe_eval.reports.export.model_card import eval_results, model_card
from globe_eval.reports.export.publishable import bounds, hub_of, is_hub_id, published_figures, refuse_partial
from globe_eval.reports.run import Run, model_name, read_run
from globe_eval.runs.record import installed_versions
from globe_train.checkpoint import n_processes
from globe_train.data import Examples
from globe_train.recipe import Recipe

LOG, CURVES, CARD, RECIPE, ABOUT = "log.jsonl", "curves.png", "README.md", "recipe.yaml", "training.json"
CONTAMINATION, HELD_OUT, EVAL_RESULTS = "contamination.json", "held_out.json", ".eval_results"
KINDS = {"sft": "A model of SFT", "reward_model": "A reward model of localizability", "grpo": "A model of GRPO"}
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
    """Write recipe, log, curves, provenance and card of a training into the recipe's folder."""
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
        "machine": machine(),
        "resumed_from": None if resumed is None else resumed.name,
        "libraries": {"globe-eval": __version__, **installed_versions(LIBRARIES)},
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
    if drawn := series(log):
        draw(drawn, folder / CURVES)
    write_card(folder)


def write_card(folder: Path, runs: Sequence[Path] = ()) -> Path:
    """Write the model card of a trained folder, with the results of globe-eval runs of it; returns its path.

    For whole runs of benchmarks that are on the hub, `.eval_results` is written beside it. Raises InputError for what
    is no run, and for a run of weights that lie here and are others.
    """
    recipe = (folder / RECIPE).read_text(encoding="utf-8")
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        parent = about["parent"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / ABOUT}: not as globe-train writes it: {reason_of(error)}") from None
    evaluated = [read_run(run) for run in runs]
    for run in evaluated:
        refuse_other_weights(run, folder)
    whole = [run for run in evaluated if partial(run) is None]
    for run in whole:
        if hub_of(run.results.task) is not None:
            path = folder / EVAL_RESULTS / f"{run.results.task}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(eval_results(run), encoding="utf-8")
    head: dict[str, Any] = {
        "library_name": "peft" if (folder / "adapter_config.json").is_file() else "transformers",
        "pipeline_tag": "image-text-to-text",
        **({"base_model": parent} if is_hub_id(parent) else {}),
        "tags": ["image-geolocation", f"globe-train-{about['kind']}"],
    }
    if whole:
        name = folder.resolve().name
        heads = [yaml.safe_load(model_card(run, model=name).split("---\n")[1]) for run in whole]
        results = [result for one in heads for result in one["model-index"][0]["results"]]
        head["model-index"] = [{"name": name, "results": results}]
    departures = yaml.safe_load(recipe)["departures"]
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip(),
        "---",
        "",
        f"# {folder.resolve().name}",
        "",
        f"{KINDS[about['kind']]}, trained by globe-train from `{parent}`. This card was written by the "
        "program. Not for locating people: see docs/responsible_use.md of globe-eval.",
        "",
        f"    globe-eval --model hf-multimodal --model_args pretrained={folder.resolve().name} --tasks miniworld",
        "",
        *result_lines(evaluated),
        *held_out_lines(folder),
        "## Training",
        "",
        *table(("", ""), facts(about)),
        "",
        *[f"- {note}" for note in about["notes"]],
        *overlap_lines(about["contamination"]),
        *(["", f"![learning curves]({CURVES})"] if (folder / CURVES).is_file() else []),
        "",
        "## Recipe",
        "",
        *[f"- departs from the paper: {departure}" for departure in departures],
        "",
        "```yaml",
        recipe.strip(),
        "```",
        "",
    ]
    path = folder / CARD
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def duration_text(hours: float) -> str:
    """A duration as text.

    >>> duration_text(0.0042), duration_text(0.5), duration_text(31.25)
    ('15 s', '30 min', '31.2 h')
    """
    if hours * 60 < 1:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"


def facts(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rows of a card's first table."""
    data, parent_sha256 = about["data"], about["parent_sha256"]
    resumed = f" since it was resumed from {about['resumed_from']}" if about["resumed_from"] else ""
    on = f", {about['machine']}" if about.get("machine") else ""
    return [
        ("data", f"{data['source']}, {data['n']:,} rows, SHA-256 `{data['sha256']}`"),
        ("parent", f"`{about['parent']}`" + (f", weights `{parent_sha256}`" if parent_sha256 else "")),
        ("weights", f"SHA-256 `{about['weights_sha256']}`"),
        ("seed", str(about["seed"])),
        ("time", f"{duration_text(about['hours'])}{resumed}{on}"),
        ("libraries", ", ".join(f"{name} {number}" for name, number in about["libraries"].items())),
    ]


def overlap_lines(shared: Sequence[Mapping[str, Any]]) -> list[str]:
    """The overlap of the training data with each benchmark, a line each."""
    if not shared:
        return ["Not checked for photographs shared with any benchmark (the recipe has no `against`).", ""]
    return [
        f"- shared with {entry['benchmark']} ({entry['n']:,} photographs): "
        + ", ".join(f"{kind} {'unknown' if n is None else n}" for kind, n in entry["shared"].items())
        for entry in shared
    ]


def held_out_lines(folder: Path) -> list[str]:
    """The figures of a reward model on its held-out examples."""
    if not (folder / HELD_OUT).is_file():
        return []
    held = json.loads((folder / HELD_OUT).read_text(encoding="utf-8"))
    rows = [(name, "unknown" if value is None else f"{value:.4g}") for name, value in held.items()]
    return ["## Held out", "", *table(("", ""), rows), ""]


def machine() -> str:
    """The number of training processes and their device."""
    import torch

    n = n_processes()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return f"{n} process{'es' if n > 1 else ''} on {device}"


def weights_sha256(folder: Path) -> str | None:
    """SHA-256 over a folder's safetensors files in the order of their names; None where it has none."""
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            hashlib.file_digest(opened, lambda: digest)
    return digest.hexdigest()


def refuse_other_weights(run: Run, folder: Path) -> None:
    """Raise InputError for a run of one or more folders of weights, none of which has those of `folder`."""
    used = {
        str(value): found
        for value in run.results.model_args.values()
        if isinstance(value, str) and (found := weights_sha256(Path(value)))
    }
    if used and weights_sha256(folder) not in used.values():
        raise InputError(f"{run.folder}: its answers are of the weights in {', '.join(used)}, not of those in {folder}")


def partial(run: Run) -> str | None:
    """Why a run is not of the whole benchmark; None where it is."""
    try:
        refuse_partial(run.results)
    except (InputError, IncompleteRun) as error:
        return str(error)
    return None


def result_lines(runs: Sequence[Run]) -> list[str]:
    """The results with their intervals, what they depend on, and what is missing for the hub, as Markdown."""
    found = []
    for run in runs:
        results, reason = run.results, partial(run)
        decoding = ", ".join(f"{key} {value}" for key, value in (results.decoding or {}).items() if value != [])
        rows = []
        for name, figure, value, _ in published_figures(results):
            between = bounds(name, figure)
            interval = "" if between is None else f"{between[0]:g} – {between[1]:g}"
            rows.append((notation.with_unit(name, long=True), f"{notation.published_value(name, value):g}", interval))
        found += [
            f"### {results.task}",
            "",
            f"{results.n:,} photographs by {results.n_groups:,} photographers, asked for {results.answer_form} of "
            f"{model_name(results)}" + (f" ({decoding})" if decoding else "") + f"; {results.distance} distance, "
            f"geocoder {results.geocoder.name}, globe-eval {results.packages.get('globe-eval', '?')}, "
            f"{results.started[:10]}.",
            "",
            *([f"**Not the whole benchmark: {reason}.**", ""] if reason else []),
            *table(("metric", "value", "95 % interval"), rows),
            "",
        ]
        if reason is None and hub_of(results.task) is None:
            found += [f"No `{EVAL_RESULTS}`: {results.task} is no data set on the hub.", ""]
    return ["## Results", "", *found] if found else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table.

    >>> table(("a", "b"), [("1", "2")])
    ['| a | b |', '| --- | --- |', '| 1 | 2 |']
    """
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]


SCALE = 2
"""Pixels a point: a card shows the picture at half its size, or a screen of fine pixels as it is."""
PANEL = (420 * SCALE, 220 * SCALE)
MARGIN = (64 * SCALE, 30 * SCALE, 14 * SCALE, 26 * SCALE)
"""Left, top, right, bottom of a panel, pixels."""
NAMES = {
    "reward": "reward, all of them weighted",
    "kl": "divergence from the reference model (kl)",
    "completions/mean_length": "length of an answer, tokens",
    "completions/clipped_ratio": "share of answers cut off",
    "mean_token_accuracy": "share of tokens said right",
    "sampling/sampling_logp_difference/mean": "vLLM's log-probability off by",
}
"""What a panel says of a quantity of trl's log."""
LINE, GRID, TEXT, PAPER = (38, 92, 160), (226, 228, 232), (60, 64, 70), (255, 255, 255)

Series = Sequence[tuple[float, float]]
"""(step, value), in the order of the steps."""


def series(log: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """The quantities of a trainer's log worth a panel: loss, each reward, length, divergence.

    >>> series([{"step": 1, "loss": 2.0, "rewards/r_geo/mean": 0.5, "epoch": 0.1}])
    {'loss': [(1.0, 2.0)], 'rewards/r_geo/mean': [(1.0, 0.5)]}
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            is_drawn = name == "loss" or name in NAMES or (name.startswith("rewards/") and name.endswith("/mean"))
            if is_drawn and isinstance(value, int | float) and math.isfinite(value) and "step" in entry:
                found.setdefault(name, []).append((float(entry["step"]), float(value)))
    return found


def title(name: str) -> str:
    """The title of a panel.

    >>> title("rewards/r_geo/mean"), title("kl"), title("loss")
    ('reward r_geo', 'divergence from the reference model (kl)', 'loss')
    """
    return NAMES.get(name) or name.removesuffix("/mean").replace("rewards/", "reward ")


def draw(panels: Mapping[str, Series], path: Path, columns: int = 2) -> None:
    """Write the panels as a PNG. Points are shown as they are, with their running mean over a tenth of the run."""
    width, height = PANEL
    rows = -(-len(panels) // columns) or 1
    image = Image.new("RGB", (width * min(columns, max(1, len(panels))), height * rows), PAPER)
    for index, (name, points) in enumerate(panels.items()):
        panel(image, (width * (index % columns), height * (index // columns)), name, points)
    image.save(path)


def panel(image: Image.Image, corner: tuple[int, int], name: str, points: Series) -> None:
    """Draw the panel of one quantity at a corner of the image."""
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=11 * SCALE)
    left, top = corner[0] + MARGIN[0], corner[1] + MARGIN[1]
    right, bottom = corner[0] + PANEL[0] - MARGIN[2], corner[1] + PANEL[1] - MARGIN[3]
    low, high = min(value for _, value in points), max(value for _, value in points)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)

    def at(step: float, value: float) -> tuple[float, float]:
        x = left + (step - first) / (last - first) * (right - left)
        return x, bottom - (value - low) / (high - low) * (bottom - top)

    pen.text((left, corner[1] + 8 * SCALE), title(name), fill=TEXT, font=ImageFont.load_default(size=13 * SCALE))
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        y = at(first, value)[1]
        pen.line([(left, y), (right, y)], fill=GRID, width=SCALE)
        pen.text((left - 6 * SCALE, y), f"{value:.3g}", fill=TEXT, font=font, anchor="rm")
    pen.text((left, bottom + 6 * SCALE), f"step {first:g}", fill=TEXT, font=font)
    pen.text((right, bottom + 6 * SCALE), f"{last:g}", fill=TEXT, font=font, anchor="ra")
    for step, value in points:
        x, y = at(step, value)
        pen.ellipse([x - SCALE, y - SCALE, x + SCALE, y + SCALE], fill=(168, 190, 220))
    smooth = [(step, mean) for (step, _), mean in zip(points, running_mean([v for _, v in points]), strict=True)]
    if len(smooth) > 1:
        pen.line([at(*point) for point in smooth], fill=LINE, width=2 * SCALE, joint="curve")


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and those before it, over a tenth of them all.

    >>> running_mean([1.0, 3.0])
    [1.0, 3.0]
    """
    span = max(1, len(values) // 10)
    return [math.fsum(values[max(0, i - span + 1) : i + 1]) / min(span, i + 1) for i in range(len(values))]
