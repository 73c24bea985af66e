"""Visual evidence: whether named entities are visible, from a source that is no teacher.

- `segmentation`: a semantic segmentation model of transformers; `ade20k.json` says which cues of our lexicon each of
  its classes is. It sees few things and no writing: of most cues it cannot tell, and says so (None).
- `detector`: an open-vocabulary detector of transformers, asked for each entity by its name.
- `known`: no model but the manifest's own entities, of which a stated share is missed and beside which a stated share
  of absent ones is seen: a simulated detector, to judge the pipeline where the truth is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from globe_eval.benchmarks.images import Photograph
from globe_eval.cues.mentions import canonical, with_hypernyms
from globe_eval.errors import InputError, reason_of
from globe_eval.metrics.grounding import supported_by
from globe_eval.models import torchvision_cpu
from globe_train.recipe import Recipe

Seen = dict[str, tuple[bool | None, float | None]]
"""Entity -> confirmed, refuted or not to be told (None), and the source's score (area or confidence) in [0, 1]."""


class Source(Protocol):
    """Who looks."""

    identity: dict[str, Any]
    """Everything that could change what it sees."""

    def look(self, row: Mapping[str, Any], names: Sequence[str]) -> Seen:
        """What can be seen of these entities on the photograph of a row."""


def source_of(recipe: Recipe, images: Path, entities: Mapping[str, Sequence[str]]) -> Source:
    """The source that a recipe names. Raises InputError for a model that cannot be loaded."""
    given = recipe["evidence"]
    if given["source"] == "known":
        return SimulatedDetector(entities, given["miss_rate"], given["false_alarm_rate"], recipe["seed"])
    try:
        if given["source"] == "segmentation":
            return Segmentation(given["model"], images, given["min_area"], given["device"])
        return Detector(given["model"], images, given["min_score"], given["device"])
    except (OSError, ValueError) as error:
        what = f"evidence, model {given['model']!r} cannot be loaded: {reason_of(error, 200)}"
        raise recipe.error(what, "evidence", "model") from None


class SimulatedDetector:
    """A detector of known error: misses `miss_rate` of what is there, sees `false_alarm_rate` of what is not.

    Each error is a function of seed, photograph and entity alone.
    """

    def __init__(self, entities: Mapping[str, Sequence[str]], miss_rate: float, false_alarm_rate: float, seed: int):
        self.entities, self.miss_rate, self.false_alarm_rate, self.seed = entities, miss_rate, false_alarm_rate, seed
        self.identity = {"source": "known", "miss": miss_rate, "false_alarm": false_alarm_rate, "seed": seed}

    def look(self, row: Mapping[str, Any], names: Sequence[str]) -> Seen:
        """What this detector says; its score is 1 or 0."""
        there = [one for one in self.entities[row["id"]] if self._draw(row["id"], "miss", one) >= self.miss_rate]
        every, noticed = supported_by(self.entities[row["id"]]), supported_by(there)
        seen: Seen = {}
        for name in names:
            key = canonical(name)
            alarm = key not in every and self._draw(row["id"], "alarm", key) < self.false_alarm_rate
            seen[name] = (True, 1.0) if key in noticed or alarm else (False, 0.0)
        return seen

    def _draw(self, *key: str) -> float:
        """A number in [0, 1) that depends on nothing but its key and the seed."""
        digest = hashlib.sha256("\0".join([str(self.seed), *key]).encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56


class Segmentation:
    """A semantic segmentation model; a class is there from `min_area` of the picture on."""

    def __init__(self, model: str, images: Path, min_area: float, device: str) -> None:
        _ensure_transformers()
        from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

        self.images, self.min_area, self.device = images, min_area, device
        self.processor: Any = AutoImageProcessor.from_pretrained(model)
        self.model: Any = AutoModelForSemanticSegmentation.from_pretrained(model).to(device).eval()
        self.labels = {int(i): _label(name) for i, name in self.model.config.id2label.items()}
        self.classes = {label: ade20k()[label] for label in self.labels.values() if label in ade20k()}
        if not self.classes:
            raise ValueError("none of its classes is one of ADE20K's")
        self.identity = {"source": "segmentation", "model": model, "min_area": min_area, "classes": len(self.classes)}

    def look(self, row: Mapping[str, Any], names: Sequence[str]) -> Seen:
        """The share of the picture that the classes of an entity cover is its score."""
        return by_classes(names, self.areas(self.images / row["image"]), self.classes, self.min_area)

    def areas(self, path: Path) -> dict[str, float]:
        """Class -> share of the picture that it covers."""
        import torch

        picture = Photograph(path).decode()
        inputs = self.processor(images=picture, return_tensors="pt").to(self.device)
        with torch.no_grad():
            outputs = self.model(**inputs)
        (found,) = self.processor.post_process_semantic_segmentation(outputs, target_sizes=[picture.size[::-1]])
        labels, counts = found.cpu().unique(return_counts=True)
        shares = (counts / counts.sum()).tolist()
        return {self.labels[int(i)]: round(share, 6) for i, share in zip(labels.tolist(), shares, strict=True)}


class Detector:
    """An open-vocabulary detector (OWL-ViT, Grounding DINO and others that transformers loads)."""

    def __init__(self, model: str, images: Path, min_score: float, device: str) -> None:
        _ensure_transformers()
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        self.images, self.min_score, self.device = images, min_score, device
        self.processor: Any = AutoProcessor.from_pretrained(model)
        self.model: Any = AutoModelForZeroShotObjectDetection.from_pretrained(model).to(device).eval()
        self.identity = {"source": "detector", "model": model, "min_score": min_score}

    def look(self, row: Mapping[str, Any], names: Sequence[str]) -> Seen:
        """The best score of a box is an entity's; each is asked for alone, so that none takes another's place.

        By its bare name: Grounding DINO would find the words of a sentence around it, such as "photo", too.
        """
        import torch

        picture, seen = Photograph(self.images / row["image"]).decode(), {}
        for name in names:
            inputs = self.processor(text=[[name]], images=picture, return_tensors="pt").to(self.device)
            with torch.no_grad():
                outputs = self.model(**inputs)
            sizes = [picture.size[::-1]]
            (found,) = self.processor.post_process_grounded_object_detection(outputs, threshold=0.0, target_sizes=sizes)
            score = round(max(found["scores"].tolist(), default=0.0), 6)
            seen[name] = (score >= self.min_score, score)
        return seen


def by_classes(
    names: Sequence[str], areas: Mapping[str, float], classes: Mapping[str, Sequence[str]], min_area: float
) -> Seen:
    """What a closed set of classes says of entities.

    Confirmed: a class that is there is the entity, or a kind of it (a palm confirms "tree"). Refuted: the entity, or
    anything that it is a kind of ("oak": tree), is a class that is not there. Else it cannot be told: no class is that
    narrow ("oak" where there is a tree), or none is of that kind ("license plate").

    >>> classes = {"palm": ["palm tree"], "bus": ["bus"], "tree": ["tree"]}
    >>> by_classes(["tree", "oak", "bus", "kiosk"], {"palm": 0.2}, classes, 0.01)
    {'tree': (True, 0.2), 'oak': (None, None), 'bus': (False, 0.0), 'kiosk': (None, None)}
    """
    there = {label: area for label, area in areas.items() if label in classes and area >= min_area}
    confirmed: dict[str, float] = {}
    for label, area in there.items():
        for cue in with_hypernyms(classes[label]):
            confirmed[cue] = max(confirmed.get(cue, 0.0), area)
    able = {cue for cues in classes.values() for cue in cues}
    seen: Seen = {}
    for name in names:
        if canonical(name) in confirmed:
            seen[name] = True, confirmed[canonical(name)]
        elif (supported_by([name]) & able) - confirmed.keys():
            seen[name] = False, 0.0
        else:
            seen[name] = None, None
    return seen


@cache
def ade20k() -> dict[str, list[str]]:
    """Class of ADE20K (the 150 of SceneParse150) -> the cues of our lexicon that it is, where it is any."""
    text = resources.files("globe_train.curate").joinpath("ade20k.json").read_text(encoding="utf-8")
    classes: dict[str, list[str]] = json.loads(text)
    return {label: cues for label, cues in classes.items() if cues}


def _label(name: str) -> str:
    """A class as `ade20k.json` writes it: checkpoints have "door;double;door", "wall " and "house, building"."""
    return name.replace(";", ",").split(",")[0].strip().lower()


def _ensure_transformers() -> None:
    lacking = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if lacking:
        raise InputError(f"evidence: {', '.join(lacking)}: not installed; pip install 'globe-eval[hf]'")
    torchvision_cpu.ensure()
