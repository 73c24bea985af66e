"""What a row says of itself, held against its task, its own fields and the versions here; a sentence each.

What follows from columns alone, `admission` computes again. What nobody can contradict (that the model which is named
gave the answers) stays a claim.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from globe_eval import __version__
from globe_eval.answers import PARSER_VERSION
from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.prompts import PROMPTS, SHORT_NAMES, SYSTEM
from globe_eval.errors import nearest
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.intervals import PROCEDURE
from globe_eval.places.resolve import RESOLVER_VERSION
from globe_eval.reports.board.submission import FLOORS, NAME_MEASURES, Submission
from globe_eval.sample import LOCATED, Results, to_dict

RESERVED = (*FLOORS, "best possible")
"""Names that a board gives itself."""
_RELEASE = tuple(map(int, __version__.split(".")[:2]))
MOST_CHARACTERS = 20_000
"""Of a text in a row; a command is the longest."""
MOST_MARKS = 3
"""Accents on one letter."""
ROUNDING = 0.006
"""By how much the two distance models differ at most, as a share of the distance."""


def contradictions(one: Submission, known: Mapping[str, Definition]) -> Iterator[str]:
    """Everything in a row that its task or its other fields contradict. `known` has its task."""
    results, definition = one.results, known[one.results.task]
    yield from _of_texts(one)
    yield from _of_name(one)
    yield from _of_prompt(results, definition)
    yield from _of_command(results, known)
    yield from _of_versions(results)
    yield from _of_numbers(results)
    yield from _of_figures(one, definition)


def identity_of_name(name: str) -> str:
    """A name without case, accents, spaces and punctuation: two rows whose names differ only in these look alike.

    >>> identity_of_name("GPT-5 (official)") == identity_of_name("gpt 5 Official")
    True
    """
    plain = unicodedata.normalize("NFKD", name).translate(_LOOK_ALIKE).casefold()
    return "".join(c for c in plain if c.isalnum()) or plain


_LOOK_ALIKE = str.maketrans(
    "АВЕКМНОРСТУХІЈЅаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορ", "ABEKMHOPCTYXIJSaeopcyxijsABEZHIKMNOPTYXavop"
)
"""Cyrillic and Greek letters that are drawn as Latin ones."""


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value in nested mappings and lists, and every key of these as a value, with the keys that lead there."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield (*keys, "(key)"), key
            yield from _leaves(inner, (*keys, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, keys)
    else:
        yield keys, value


def _of_texts(one: Submission) -> Iterator[str]:
    """Characters that are not seen, or change the order in which others are; texts that are longer than any is."""
    for keys, value in _leaves(to_dict(one)):
        if not isinstance(value, str):
            continue
        allowed = "\n\t" if keys[:2] in (("results", "command"), ("results", "decoding")) else ""
        bad = next((c for c in value if _is_unseen(c) and c not in allowed), None)
        field = ".".join(keys)[:100]
        if bad is not None:
            yield f"{field}: holds the character U+{ord(bad):04X}, which is not seen; allowed: plain text"
        if len(value) > MOST_CHARACTERS and keys[0] != "columns":
            yield f"{field}: has {len(value):,} characters; allowed: up to {MOST_CHARACTERS:,}"


def _is_unseen(c: str) -> bool:
    """
    >>> [_is_unseen(c) for c in "a\u0301\u200b\u3164\ufe0f"]
    [False, False, True, True, True]
    """
    return unicodedata.category(c) in _UNSEEN or c in _BLANK or "\ufe00" <= c <= "\ufe0f" or c >= "\U000e0000"


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
"""Letters and signs of which nothing is drawn."""


def _of_name(one: Submission) -> Iterator[str]:
    name, model = one.name, Path(one.results.model).stem
    spaces = {c for c in name if unicodedata.category(c) == "Zs"} - {" "}
    if name != name.strip() or "  " in name or spaces or not any(c.isalnum() for c in name):
        yield f"name: found {name!r}; allowed: letters and digits, single spaces between them"
    marks = "".join("m" if unicodedata.combining(c) else " " for c in unicodedata.normalize("NFC", name))
    if "m" * (MOST_MARKS + 1) in marks:
        yield f"name: holds more than {MOST_MARKS} accents on one letter"
    if "<!--" in name or "-->" in name or re.search(r"</?[a-zA-Z]", name):
        yield f"name: found {name!r}; a name holds no markup"
    scripts = {unicodedata.name(c, "").split(" ")[0] for c in unicodedata.normalize("NFKC", name) if c.isalpha()}
    if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN"}:
        yield f"name: found {name!r}; it mixes Latin letters with others that look like them"
    reserved = {identity_of_name(word): word for word in RESERVED}
    taken = reserved.get(identity_of_name(name))
    if model in FLOORS and name != model:
        yield f"name: found {name!r}; a row of the model {model} is named {model}"
    elif taken is not None and taken != model:
        yield f"name: {name!r} is what boards call their {taken}, the model here is {one.results.model}"
    if one.source is not None and not one.source.strip():
        yield "source: is empty; leave it away"
    if one.results.model != one.results.model.strip():
        yield f"model: found {one.results.model!r}; allowed: no spaces at its ends"
    if model == "constant" and one.columns.lat and one.columns.lon:
        known = {place for place in zip(*(side.tolist() for side in one.places()), strict=True) if place[0] == place[0]}
        if len(known) > 1:
            yield f"model: the floor {model} answers one place, here are {len(known):,}"


def _of_prompt(results: Results, definition: Definition) -> Iterator[str]:
    """The prompt against its hash, and the answer form against prompt and task."""
    values = definition.values
    fixed = values.get("answer_form")
    if results.prompt is None:
        if results.prompt_sha256 is not None:
            yield "prompt_sha256: without a prompt there is none"
        return
    if results.prompt not in PROMPTS:
        yield f"prompt: found {results.prompt!r}{nearest(results.prompt, PROMPTS)} (allowed: {', '.join(PROMPTS)})"
        return
    prompt = PROMPTS[results.prompt]
    own = values.get("prompt")
    if own is not None and SHORT_NAMES.get(str(own), own) != results.prompt and results.task.endswith(f"_{own}"):
        yield f"prompt: found {results.prompt!r}, {results.task} asks with {own!r}"
    text, system = values.get("doc_to_text", f"<image>{prompt.text}"), values.get("description", SYSTEM)
    if not any(str(part).startswith("!function") for part in (text, system)):
        wanted = hashlib.sha256(f"{system}\0{text}".encode()).hexdigest()
        if results.prompt_sha256 != wanted:
            found = (results.prompt_sha256 or "none")[:12]
            yield f"prompt_sha256: found {found}…, the prompt {results.prompt} has {wanted[:12]}…"
    form = fixed or ("names" if "doc_to_text" in values else prompt.answer_form)
    if results.answer_form != form and "doc_to_text" not in values:
        yield f"answer_form: found {results.answer_form!r}, the prompt {results.prompt} asks for {form!r}"


def _of_command(results: Results, known: Mapping[str, Definition]) -> Iterator[str]:
    """The command line, where there is one, against the fields that it decides; a --config file is not seen here."""
    try:
        words = shlex.split(results.command or "")
    except ValueError:
        words = []
    if not words:
        if results.command:
            yield "command: is no command line"
        return
    if words[0] != "globe-eval":
        yield f"command: begins with {words[0]!r}; allowed: globe-eval"
        return
    if _option(words, "--config", "-C") is not None:
        return

    if words[1:2] == ["score"]:
        if results.model not in {Path(word).name for word in words[2:]} and results.model != _option(words, "--model"):
            yield f"command: scores another file than {results.model!r}"
        tasks = _option(words, "--task")
    else:
        tasks = _option(words, "--tasks", "-t")
        yield from _of_run_command(words, results)
    named = (tasks or "").split(",")
    single = [name for name in named if name in known and not known[name].is_group]
    if len(single) == len(named) and results.task not in single:
        yield _differs("task", results.task, tasks)
    seed = _option(words, "--seed") or "0"
    if seed != str(results.seed):
        yield _differs("seed", results.seed, seed)


def _of_run_command(words: Sequence[str], results: Results) -> Iterator[str]:
    """The command line of a run, against the model, its weights, the prompt and how many photographs there are."""
    model = _option(words, "--model")
    if model != results.model:
        yield _differs("model", results.model, model)
    given = " ".join(words)
    for key in ("pretrained", "model"):
        which = results.model_args.get(key)
        if isinstance(which, str) and f"{key}={which}" not in given:
            yield f"command: does not give model_args.{key} {which!r}"
    for value in re.findall(r"[\s,](?:pretrained|model)=([^,\s]+)", given.partition("--judge")[0]):
        if value not in map(str, results.model_args.values()):
            yield _differs("weights", str(results.model_args), value)
    if (prompt := _option(words, "--prompt")) and SHORT_NAMES.get(prompt, prompt) != results.prompt:
        yield _differs("prompt", results.prompt, prompt)
    if _option(words, "--limit", "-L") is not None:
        yield "command: has --limit, the row is of all photographs"


def _differs(name: str, found: object, given: object) -> str:
    return f"command: gives the {name} {given!r}, the row has {found!r}"


def _option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option, in either spelling; None where it is not given."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("-") and name.replace("-", "_") in [one.replace("-", "_") for one in names]:
            return value if equals else following
    return None


def _of_versions(results: Results) -> Iterator[str]:
    for name, found, here in (
        ("parser_version", results.parser_version, PARSER_VERSION),
        ("resolver_version", results.resolver_version, RESOLVER_VERSION),
    ):
        if not re.fullmatch(r"[1-9][0-9]{0,5}", found) or int(found) > int(here):
            yield f"{name}: found {found!r}; allowed: a number from 1 to {here}"
    release = results.packages.get("globe-eval", "")
    if (later := re.fullmatch(r"(\d+)\.(\d+)\..*", release)) and tuple(map(int, later.groups())) > _RELEASE:
        yield f"packages.globe-eval: found {release[:40]!r}, here it is {__version__}"
    if results.geocoder.name == "geonames" and results.geocoder.version != f"resolver {results.resolver_version}":
        yield f"geocoder: found {results.geocoder.version!r}, resolver_version is {results.resolver_version!r}"
    if results.geocoder.name not in ("geonames", "nominatim", "azure"):
        yield f"geocoder: found {results.geocoder.name!r}; allowed: geonames, nominatim, azure"
    if results.intervals != PROCEDURE:
        yield f"intervals: found {results.intervals!r}, here they are {PROCEDURE!r}; globe-eval rescore makes them anew"
    commits = (results.git_commit or "None").split(" and ")  # a merge of shards joins theirs
    if not all(re.fullmatch(r"[0-9a-f]{7,64}(-dirty)?|None", commit) for commit in commits):
        yield f"git_commit: found {results.git_commit!r:.60}; allowed: hexadecimal digits, -dirty after them"
    try:
        started = datetime.fromisoformat(results.started)
        if started.tzinfo is None or started > datetime.now(UTC) + timedelta(days=2):
            raise ValueError
    except ValueError:
        yield f"started: found {results.started!r}; allowed: a time of the past with its zone"


def _of_numbers(results: Results) -> Iterator[str]:
    """Numbers that are infinite, and counts, times and costs below zero."""
    for keys, value in _leaves(to_dict(results)):
        if isinstance(value, int | float) and not isinstance(value, bool):
            free = keys[0] in ("model_args", "model_info", "decoding", "metrics", "valid_only", "seed")
            if not math.isfinite(value) or abs(value) > 1e15 or (value < 0 and not free):
                yield f"{'.'.join(keys)}: found {value:g}; allowed: a number from 0 to 1e15"


def _of_figures(one: Submission, definition: Definition) -> Iterator[str]:
    """Figures that no column is needed to doubt: above the ceiling, of other thresholds or distance models."""
    results, n = one.results, one.results.n
    for name in ("ceiling", "attainable"):
        for metric, value in (getattr(results, name) or {}).items():
            if value is not None and not 0 <= value <= 1:
                yield f"{name}.{metric}: found {value:g}; allowed: 0 to 1"
    if results.ceiling and results.attainable:
        for metric, reached in results.ceiling.items():
            best, figure = results.attainable.get(metric), results.metrics.get(metric)
            if reached is None or best is None or figure is None or figure.value is None:
                continue
            if figure.value > max(reached, best) + 1e-9:
                yield f"metrics.{metric}: {figure.value:g} is above the ceiling, {max(reached, best):g}"
    elif results.answer_form in ("names", "address"):
        yield f"ceiling: is missing; answers of the form {results.answer_form} have one"
    odd_names = sorted(one.columns.names.keys() - set(NAME_MEASURES))
    if odd_names:
        yield f"columns.names: found {odd_names[0]!r}; allowed: {', '.join(NAME_MEASURES)}"
    if one.columns.own.keys() != results.own_directions.keys():
        found = ", ".join(one.columns.own) or "none"
        yield f"columns.own: found {found}; own_directions has {', '.join(results.own_directions) or 'none'}"
    wanted = tuple(float(km) for km in definition.values.get("thresholds_km") or ())
    if results.thresholds_km != wanted:
        yield f"thresholds_km: found {list(results.thresholds_km)}, {results.task} has {list(wanted)}"
    own = {entry["metric"]: entry["higher_is_better"] for entry in definition.values.get("metrics") or ()}
    if results.own_directions != own:
        yield f"own_directions: found {results.own_directions}, {results.task} has {own}"
    if results.entity_classes is not None and not definition.values["metadata"].get("exhaustive_entities"):
        yield f"entity_classes: {results.task} declares none"
    if results.answer_form == "coordinates":
        odd: list[str] = [
            status for status in (*LOCATED, "unresolved") if status != "coordinates" and results.status.get(status)
        ]
        odd += [name for name in one.columns.names if name != "country_correct"]
        if odd:
            yield f"answer_form: answers that are coordinates have no {odd[0]}"
    if results.answer_form in ("names", "address") and results.status.get("coordinates"):
        yield "answer_form: answers that are names have no status coordinates"
    counted = {"repaired": results.repaired}
    if results.images is not None:
        counted |= {f"images.{x}": getattr(results.images, x) for x in ("with_coordinates", "reencoded")}
    yield from (f"{name}: found {count:,} of {n:,} photographs" for name, count in counted.items() if count > n)
    yield from _of_other_distance(one)


def _of_other_distance(one: Submission) -> Iterator[str]:
    """`accuracy_by_distance`: what the columns give for the row's own model, and nearly that for the other."""
    results, kilometres = one.results, one.distance_km()
    for model, accuracies in results.accuracy_by_distance.items():
        for km in (*THRESHOLDS_KM.values(), *results.thresholds_km):
            slack = 0.0 if model == results.distance else ROUNDING
            low, high = (float(within(kilometres, km * (1 + side)).mean()) for side in (-slack, slack))
            found = accuracies.get(acc_name(km))
            if found is None or not low - 1e-9 <= found <= high + 1e-9:
                where = f"accuracy_by_distance.{model}.{acc_name(km)}"
                yield f"{where}: found {found}, the columns give {low:g} to {high:g}"
                return
