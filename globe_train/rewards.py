"""Rewards in trl's form: `reward(prompts, completions, **columns)` gives one number a completion, or None.

Each calls a metric of globe_eval and returns its value, so that what is rewarded is what is measured; no rule is
written down twice. The columns are those of `data.ROW`. None means that a reward cannot be known (no truth, no
entities, a server that does not answer) and is never 0: trl leaves a reward of None out of the sum, and a completion
that has none at all out of the baseline of its group.

The names that begin with `globe_` are what the code of GLOBE releases; those without are what its paper states, or
what this project adds (docs/training.md has a table).
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.answers import parse
from globe_eval.cues.mentions import Reading
from globe_eval.errors import InputError, nearest
from globe_eval.metrics import accuracy, globe, grounding
from globe_eval.sample import Grounding, Sample, Truth

Completion = str | Sequence[Mapping[str, Any]]
Rewards = list[float | None]
Reward = Callable[..., Any]

ALPHA = 0.8
"""The city's share of r_geo: the released code's 1 / 0.2 / 0."""


def text_of(completion: Completion) -> str:
    """The text of a completion as trl hands it over: messages, or a string.

    >>> text_of([{"role": "assistant", "content": "Paris"}]), text_of("Paris")
    ('Paris', 'Paris')
    """
    return completion if isinstance(completion, str) else "".join(str(turn["content"]) for turn in completion)


def scores(completions: Sequence[Completion], form: str, columns: Mapping[str, Any]) -> list[Sample | None]:
    """Completions -> scored samples, as an evaluation scores answers; None where the truth has no coordinates."""
    n = len(completions)
    lat, lon, country, city = (columns.get(name) or [None] * n for name in ("lat", "lon", "country", "city"))
    known = [i for i in range(n) if lat[i] is not None and lon[i] is not None]
    samples = [
        Sample.of(str(i), Truth(lat[i], lon[i], country[i], city[i]), answer=parse(text_of(completions[i])))
        for i in known
    ]
    found: list[Sample | None] = [None] * n
    scored = scoring.score(samples, form=form) if known else []  # type: ignore[arg-type]
    for i, sample in zip(known, scored, strict=True):
        found[i] = sample
    return found


def r_geo(completions: Sequence[Completion], *, alpha: float = ALPHA, form: str = "names", **columns: Any) -> Rewards:
    """Equation 3 of the paper with exact places: `country_accuracy` · (alpha · `city_accuracy` + 1 - alpha).

    Range 0 to 1, higher is better. None where the truth knows no country, or no city.

    >>> truth = {"country": ["France"] * 3, "city": ["Lyon"] * 3, "lat": [45.75] * 3, "lon": [4.85] * 3}
    >>> r_geo(["country: France\\ncity: Lyon", "country: FR\\ncity: Paris", "city: Rome"], **truth)
    [1.0, 0.19999999999999996, 0.0]
    """
    return [
        None
        if score is None or score.country_correct is None or score.city_correct is None
        else score.country_correct * (alpha * score.city_correct + (1 - alpha))
        for score in scores(completions, form, columns)
    ]


def r_distance(
    completions: Sequence[Completion],
    *,
    scale_km: float = accuracy.GEOSCORE_SCALE_KM,
    form: str = "names",
    **columns: Any,
) -> Rewards:
    """exp(-distance / scale_km): smooth in kilometres, 1 at the place, 0 where an answer names none.

    With the default scale it is `geoscore` / 5,000; with a smaller one it asks for the city rather than the continent.
    Range 0 to 1, higher is better. None where the truth has no coordinates.
    """
    return [
        None if score is None else 0.0 if score.distance_km is None else math.exp(-score.distance_km / scale_km)
        for score in scores(completions, form, columns)
    ]


def globe_r_geo(completions: Sequence[Completion], country: Sequence[Any], city: Sequence[Any], **_: Any) -> Rewards:
    """The released `globe_accuracy` (see `metrics.globe.globe_accuracy`); None where country or city is unknown.

    >>> globe_r_geo(["<answer>country: France\\ncity: Lyon</answer>"], ["France"], ["Paris"])
    [0.2]
    """
    return [
        None if a is None or b is None else globe.globe_accuracy(text_of(completion), a, b)
        for completion, a, b in zip(completions, country, city, strict=True)
    ]


def r_format(completions: Sequence[Completion], **_: Any) -> Rewards:
    """Whether the completion is one thought and one answer, as the released code checks it. 0 or 1.

    >>> r_format(["<think>a</think> <answer>b</answer>", "<think>a</think><answer>b</answer>\\n"])
    [1.0, 0.0]
    """
    return [globe.globe_format(text_of(completion)) for completion in completions]


def globe_r_vis(completions: Sequence[Completion], entities: Sequence[Any], **_: Any) -> Rewards:
    """The released `globe_visual_match`: the share of the annotated entities that stand in the text before `</think>`.

    By substring and in any case, so it rewards listing words, and hallucinations cost nothing: it is here to be
    compared with. Range 0 to 1. None where nothing is annotated.

    >>> globe_r_vis(["<think>a street</think>"], [["tree", "bridge"]])
    [0.5]
    """
    return [
        globe.globe_visual_match(text_of(completion), tags) if tags else None
        for completion, tags in zip(completions, entities, strict=True)
    ]


def r_vis(completions: Sequence[Completion], entities: Sequence[Any], **_: Any) -> Rewards:
    """Equation 2 of the paper: the share of what the reasoning asserts that can be seen (`grounding_precision`).

    Range 0 to 1, higher is better; 0 where nothing is asserted, for else silence would be left out of the sum and
    never be worse than speech. Whoever names the road alone gets 1: see `r_f1`. None where nothing is annotated.
    """
    return [
        None if one is None or not one.covered else one.precision or 0.0 for one in groundings(completions, entities)
    ]


def r_f1(completions: Sequence[Completion], entities: Sequence[Any], **_: Any) -> Rewards:
    """`grounding_f1`: naming what can be seen, all of it and nothing else. Range 0 to 1; None without annotation.

    >>> r_f1(["<think>A bus and a church.</think>"], [["bus", "palm tree"]])
    [0.5]
    """
    return [None if one is None else one.f1 for one in groundings(completions, entities)]


def r_lift(completions: Sequence[Completion], entities: Sequence[Any], id: Sequence[Any], **_: Any) -> Rewards:
    """`grounding_lift`: how much better the reasoning fits its own picture than the others of the batch.

    The first answers to each picture are one set for the metric, the second answers the next, and so on. Range -1 to
    1, higher is better, 0 for what fits all pictures alike: a dump of the vocabulary gains nothing. None without
    annotation, and where the batch holds one picture alone.

    >>> r_lift(["<think>a bus</think>", "<think>a bus</think>"], [["bus"], ["church"]], ["a", "b"])
    [1.0, -1.0]
    """
    ids, readings = [*map(str, id)], [_reading(text_of(completion)) for completion in completions]
    found: Rewards = [None] * len(readings)
    for members in rounds(id):
        values = grounding.lifts(
            [ids[i] for i in members], [readings[i] for i in members], [entities[i] for i in members]
        )
        for i, value in zip(members, values, strict=True):
            found[i] = None if math.isnan(value) else float(value)
    return found


def groundings(completions: Sequence[Completion], entities: Sequence[Any]) -> list[Grounding | None]:
    """What each completion's reasoning asserts, against what can be seen, as an evaluation reads it."""
    return [
        _grounding(text_of(completion), tuple(seen or ()))
        for completion, seen in zip(completions, entities, strict=True)
    ]


# Several rewards of one step ask for the same texts, and reading one takes most of a millisecond.
@lru_cache(maxsize=4096)
def _grounding(text: str, seen: tuple[str, ...]) -> Grounding | None:
    return grounding.ground(_reading(text), seen)


@lru_cache(maxsize=4096)
def _reading(text: str) -> Reading | None:
    return grounding.read_reasoning(parse(text).reasoning)


def rounds(ids: Sequence[Any]) -> list[list[int]]:
    """Indices in sets in which no id is there twice: each id's first, each id's second, and so on.

    >>> rounds(["a", "a", "b", "b", "b"])
    [[0, 2], [1, 3], [4]]
    """
    counts: Counter[Any] = Counter()
    found: list[list[int]] = []
    for index, name in enumerate(ids):
        if counts[name] == len(found):
            found.append([])
        found[counts[name]].append(index)
        counts[name] += 1
    return found


def r_loc(*, server: str = "", model: str = "", sees: str = "reasoning", timeout: float = 60.0) -> Reward:
    """Equation 1 of the paper: a reward model's P(yes) that the picture is localizable, given picture and reasoning.

    Unlike the others this makes a reward, of `reward_model`: by a model in this process (`model`, a folder) or behind
    an OpenAI-compatible endpoint (`server`, an address; `model` its name there, `timeout` seconds a request). It is
    given the reasoning, or the whole completion (`sees: completion`, as the released code does).
    """
    from globe_train import reward_model

    return reward_model.reward(model=model, server=server, sees=sees, timeout=timeout)


REWARDS: dict[str, Reward] = {
    reward.__name__: reward
    for reward in (r_geo, globe_r_geo, r_distance, r_vis, globe_r_vis, r_f1, r_lift, r_loc, r_format)
}
"""Name -> reward."""

NEEDS: dict[str, tuple[str, ...]] = {
    "r_geo": ("country", "city", "lat", "lon"),
    "globe_r_geo": ("country", "city"),
    "r_distance": ("lat", "lon"),
    **dict.fromkeys(("r_vis", "globe_r_vis", "r_f1", "r_lift"), ("entities",)),
}
"""Name -> the columns without which a reward is None for every picture."""


def find_reward(name: str, folder: Path) -> Reward:
    """A reward by its name; `module:function` is a user's own, from a module beside the recipe or an installed one.

    >>> find_reward("r_geo", Path()) is r_geo
    True
    """
    if name in REWARDS:
        return REWARDS[name]
    module, colon, function = name.partition(":")
    if not colon:
        raise InputError(
            f"rewards: no {name!r}{nearest(name, REWARDS)} (allowed: {', '.join(REWARDS)}, module:function)"
        )
    beside = folder / f"{module}.py"
    try:
        if beside.is_file():
            spec = importlib.util.spec_from_file_location(module, beside)
            assert spec is not None and spec.loader is not None
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
        else:
            loaded = importlib.import_module(module)
        found: Reward = getattr(loaded, function)
    except Exception as error:
        raise InputError(f"rewards: {name!r} cannot be loaded: {error!r}") from None
    return found


def parameters_of(reward: Reward) -> list[str]:
    """What a recipe may set of a reward: its keyword-only parameters.

    >>> parameters_of(r_distance)
    ['scale_km', 'form']
    """
    parameters = inspect.signature(reward).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]


def trl_reward(name: str, reward: Reward, **parameters: Any) -> Reward:
    """A reward as trl takes it: parameters set, under its name, every failure an error that says where it happened.

    A reward that raises, or gives something other than numbers and None, one a completion, ends the training with
    InputError: going on would train on something else than the recipe says. The checkpoints that were written stay.
    """
    if inspect.iscoroutinefunction(reward):

        async def asked(completions: Sequence[Completion], **columns: Any) -> Rewards:
            with named_errors(name):
                return check_values(await reward(completions=completions, **parameters, **columns), len(completions))

    else:

        def asked(completions: Sequence[Completion], **columns: Any) -> Rewards:  # type: ignore[misc]
            with named_errors(name):
                return check_values(reward(completions=completions, **parameters, **columns), len(completions))

    asked.__name__ = name.replace(":", ".")
    return asked


def check_values(values: Any, n: int) -> Rewards:
    """Rewards, if that is what they are: n numbers or None. Raises ValueError for anything else, NaN included."""
    found = list(values)
    if len(found) != n:
        raise ValueError(f"{len(found)} values for {n} completions")
    for value in found:
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{value!r} is no reward; what cannot be known is None")
    return [None if value is None else float(value) for value in found]


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Turn what a reward raises into one line that names it."""
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(f"reward {name!r}: {error!r} ({Path(at.filename).name}, line {at.lineno})") from error
