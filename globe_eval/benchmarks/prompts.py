"""Prompts and decoding settings by name. Both are part of what a number means, so each result carries their hash.

The `globe_*` texts are GLOBE's own, from lingli1996/GLOBE at cfc439b (Apache-2.0): the README and the evaluation script
differ in one sentence, one blank line and the decoding, so "GLOBE's number" depends on which of the two is copied.
Whatever the prompt is, it must not depend on the photograph (`refuse_prompt_leaks`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globe_eval.errors import InputError

SYSTEM = "You are a helpful assistant."
"""GLOBE's system message, which is also what Qwen2.5-VL's chat template puts there by itself."""


@dataclass(frozen=True)
class Prompt:
    """The text after the photograph, the answer form that it asks for, and its source."""

    text: str
    answer_form: str
    about: str


_EXPERT = "You are a geolocation expert. "
_CHALLENGE = (
    "You are participating in a geolocation challenge. Based on the provided image:\n"
    "1. Carefully analyze the image for clues about its location (architecture, signage, vegetation, terrain, etc.)\n"
    "2. Think step-by-step about "
)
_LIKELY = "is likely to be in and why\n"
_LINES = "Your final answer include these {} lines somewhere in your response:\n"
_NAMES = "country: [country name]\ncity: [city name]"
_TAGS = "\n\nYou MUST output the thinking process in <think> </think> and give answer in <answer> </answer> tags."
PROMPTS: dict[str, Prompt] = {
    "globe_readme": Prompt(
        f"{_EXPERT}{_CHALLENGE}what country, and city this {_LIKELY}\n{_LINES.format('two')}{_NAMES}{_TAGS}",
        "names",
        "country and city, with reasoning: the prompt of GLOBE's README",
    ),
    "globe_eval": Prompt(
        f"{_CHALLENGE}what country, and city this {_LIKELY}{_LINES.format('two')}{_NAMES}{_TAGS}",
        "names",
        "country and city, with reasoning: the prompt of GLOBE's evaluation script",
    ),
    "coordinates": Prompt(
        f"{_EXPERT}{_CHALLENGE}where exactly this is likely to be and why\n\n{_LINES.format('two')}"
        "latitude: [decimal degrees, negative in the south]\n"
        f"longitude: [decimal degrees, negative in the west]{_TAGS}",
        "coordinates",
        "latitude and longitude, with reasoning",
    ),
    "address": Prompt(
        f"{_EXPERT}{_CHALLENGE}what country, state or province, and city this {_LIKELY}\n{_LINES.format('three')}"
        f"country: [country name]\nstate: [state or province name]\ncity: [city name]{_TAGS}",
        "address",
        "country, state and city, with reasoning",
    ),
    "localizability": Prompt(
        f"{_EXPERT}{_CHALLENGE}what country, and city this {_LIKELY}"
        f"3. Decide whether the image shows enough to tell where it was taken\n\n{_LINES.format('four')}{_NAMES}\n"
        "localizable: [yes or no]\n"
        f"confidence: [0% to 100%, how likely your country and city are right]{_TAGS}",
        "names",
        "country and city, whether the picture can be located, and a confidence",
    ),
    "globe_no_cot": Prompt(
        "Based on the provided image, please output its location (country and city) directly without any explanation.\n"
        f"Your final answer include these two lines in your response:\n{_NAMES}",
        "names",
        "country and city, without reasoning: the prompt of GLOBE's ablation",
    ),
}
SHORT_NAMES = {"names": "globe_readme", "no_cot": "globe_no_cot"}
"""What these two are called beside the others, where a prompt is chosen; results carry the names of PROMPTS."""
PROMPT_NAMES = ("names", "coordinates", "address", "no_cot", "localizability", "globe_eval", *SHORT_NAMES.values())
"""What `--prompt` takes, the longer names of two of them at the end."""


def find_prompt(name: str) -> Prompt | None:
    """The prompt of one of PROMPT_NAMES; None where there is none of this name."""
    return PROMPTS.get(SHORT_NAMES.get(name, name))


_ASKED = {
    "coordinates": r"\b(?:latitudes?|longitudes?|coordinates|lat|lon|lng|gps)\b",
    "names": r"\b(?:city|cities|town|country)\b",
    "address": r"\b(?:address|street|state|province)\b",
}


def asked_forms(prompt: str) -> set[str]:
    """The answer forms that a prompt may ask for, by its words; empty where it has none of them.

    >>> sorted(asked_forms("Give the latitude and longitude.")), asked_forms("Where is this?")
    (['coordinates'], set())
    """
    return {form for form, words in _ASKED.items() if re.search(words, prompt, re.IGNORECASE)}


DECODINGS: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False, "temperature": 0.0, "repetition_penalty": 1.0, "max_gen_toks": 1024},
    "globe_readme": {"do_sample": True, "temperature": 0.6, "max_gen_toks": 512},
    "globe_eval": {"do_sample": True, "temperature": 0.1, "max_gen_toks": 512}
    | dict.fromkeys(("frequency_penalty", "presence_penalty"), 0.7),
}
"""`greedy` is this project's default; the other two are the released README's and evaluation script's.

`greedy` says that there is no repetition penalty: Qwen2.5-VL's own generation_config.json asks for one, which a vLLM
server and transformers obey and vLLM in process ignores. The `globe_*` ones leave it to the server, as released; the
penalties of `globe_eval` are known to OpenAI-compatible endpoints and vLLM, not to `hf-multimodal`."""
PROMPTS_COMPARED = 32
"""Photographs whose prompts are rendered to find out whether the truth has a part in them."""


def refuse_prompt_leaks(
    where: str, prompt: Callable[[Mapping[str, Any]], str], photographs: Sequence[Mapping[str, Any]]
) -> None:
    """Raise InputError where the prompt depends on the photograph that it is asked about.

    Everything that a benchmark knows of a photograph is its truth or its name, so an honest prompt is the same for all
    of them. Compared are the prompts of the photographs given, and those that one of them would get if each of its
    columns held something else: that finds an answer in any disguise (upper case, a rounded coordinate, a condition, a
    look-up by file name), and no false alarm is raised by a fixed prompt with an example in it.

    `where` is how the error begins, `prompt` gives all the text that a model would get with one of the rows.
    """
    if not photographs:
        return
    first, texts = photographs[0], [prompt(row) for row in photographs]
    allowed = "a model may see the photograph and a prompt that is the same for all"
    if prompt(first) != texts[0]:
        raise InputError(f"{where}: the prompt of the photograph {first.get('id')!r} is not the same twice")
    for column, value in first.items():
        if _depends(prompt, first, column, texts[0]):
            shown = f" ({value!r} for the photograph {first.get('id')!r})" if value is not None else ""
            raise InputError(f"{where}: the prompt shows the truth column {column!r}{shown}; {allowed}")
    if other := next((row for row, text in zip(photographs, texts, strict=True) if text != texts[0]), None):
        what = f"the prompt of the photograph {other.get('id')!r} is not that of {first.get('id')!r}"
        raise InputError(f"{where}: {what}; {allowed}")


def _depends(prompt: Callable[[Mapping[str, Any]], str], row: Mapping[str, Any], column: str, text: str) -> bool:
    value = row[column]
    for other in (-value - 1.5, 0.0) if isinstance(value, int | float) else ("elsewhere", None):
        try:
            if prompt({**row, column: other}) != text:
                return True
        except Exception:  # a function that looks something up by this column, or counts on its form
            return True
    return False
