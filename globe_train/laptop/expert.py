"""Expert iteration: a model answers pictures of known place, and learns from the answers that name it rightly.

    python -m globe_train.laptop.expert sample MODEL ROWS IMAGES OUTPUT --samples 4 --seed 0
    python -m globe_train.laptop.expert choose OUTPUT ROWS REASONED SAMPLES...

The first draws answers to each row's picture at temperature 1. The second writes rows that SFT trains on: those of
REASONED as they are and, of every other picture, its first answer of which the format, the country and the city are
right by the rewards that GRPO is given. As in STaR (Zelikman et al., 2022) a model is then trained from the base on
both. With --places it writes the rows of those pictures as they are: where GRPO has something to learn from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from globe_eval.answers import parse
from globe_eval.errors import InputError
from globe_eval.files import json_lines, read_json_lines, write_whole
from globe_eval.models import torchvision_cpu
from globe_train import rewards
from globe_train.reward_model import reasoning_of, with_picture

BATCH, LENGTH = 64, 72
"""Pictures that are answered at once, and tokens of an answer at most."""


def sample_answers(
    model_name: str, rows: Sequence[Mapping[str, Any]], images: Path, samples: int, seed: int
) -> Iterator[dict[str, str]]:
    """`samples` answers to each row's picture, drawn at temperature 1: the row's id and the response."""
    torchvision_cpu.ensure()
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText, set_seed

    from globe_train.checkpoint import load_processor
    from globe_train.data import messages
    from globe_train.train import cache_vision_features

    set_seed(seed)
    model = AutoModelForImageTextToText.from_pretrained(model_name, dtype=torch.float32).eval()
    cache_vision_features(model)
    processor = load_processor(model_name, None)
    asked = with_picture(messages("globe_readme"), {"type": "image"})
    prompt = processor.apply_chat_template(asked, add_generation_prompt=True)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        pictures = []
        for row in batch:
            with Image.open(images / row["image"]) as picture:
                pictures.append(picture.convert("RGB"))
        inputs = processor(text=[prompt] * len(batch), images=pictures, return_tensors="pt")
        with torch.no_grad():
            tokens = model.generate(
                **inputs, do_sample=True, temperature=1.0, top_k=0, num_return_sequences=samples, max_new_tokens=LENGTH
            )
        texts = processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for index, text in enumerate(texts):
            yield {"id": batch[index // samples]["id"], "response": text}


def right_answers(rows: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Of each row's picture the first sample of which format, country and city are right, as a row that SFT takes.

    >>> place = {"id": "a", "country": "France", "city": "Lyon", "lat": 45.75, "lon": 4.85}
    >>> text = "<think>a bus</think><answer>country: France\\ncity: {}</answer>"
    >>> found = right_answers([place], [{"id": "a", "response": text.format(city)} for city in ("Paris", "Lyon")])
    >>> [row["reasoning"] for row in found]
    ['a bus']
    """
    known = {row["id"]: row for row in rows}
    judged = [sample for sample in samples if sample["id"] in known]
    texts = [sample["response"] for sample in judged]
    truth: dict[str, Any] = {
        key: [known[sample["id"]][key] for sample in judged] for key in ("country", "city", "lat", "lon")
    }
    formats, places = rewards.r_format(texts), rewards.r_geo(texts, **truth)
    right = [one for one, form, place in zip(judged, formats, places, strict=True) if form == 1 and place == 1]
    return [sft_row(row, response, row["country"], row["city"]) for row, response in first_of_each(rows, right)]


def unchecked_answers(
    rows: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, str]], n: int
) -> list[dict[str, Any]]:
    """The first well-formed sample of n of the pictures, drawn at random, with the place that it names."""
    formed = [
        sample
        for sample, form in zip(samples, rewards.r_format([one["response"] for one in samples]), strict=True)
        if form == 1 and all(place_named(sample["response"]))
    ]
    found = [sft_row(row, response, *place_named(response)) for row, response in first_of_each(rows, formed)]
    return sorted(Random("unchecked/0").sample(found, min(n, len(found))), key=lambda row: str(row["id"]))


def place_named(response: str) -> tuple[str | None, str | None]:
    """Country and city of an answer, as it is read when it is evaluated.

    >>> place_named("<think>a bus</think><answer>country: France\\ncity: Lyon</answer>")
    ('France', 'Lyon')
    """
    answer = parse(response)
    return answer.country, answer.city


def first_of_each(
    rows: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, str]]
) -> list[tuple[Mapping[str, Any], str]]:
    """Each row that has a sample, with the response of the first."""
    first = {sample["id"]: sample["response"] for sample in reversed(samples)}
    return [(row, first[row["id"]]) for row in rows if row["id"] in first]


def sft_row(row: Mapping[str, Any], response: str, country: str | None, city: str | None) -> dict[str, Any]:
    """A row that SFT takes: with the reasoning of a response, and the place that is to be answered."""
    return {**row, "reasoning": reasoning_of(response), "teacher_country": country, "teacher_city": city}


def main(words: Sequence[str] | None = None) -> int:
    """Sample or choose; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.expert", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verbs = parser.add_subparsers(dest="verb", required=True)
    sample = verbs.add_parser("sample")
    sample.add_argument("model")
    sample.add_argument("rows", type=Path)
    sample.add_argument("images", type=Path)
    sample.add_argument("output", type=Path)
    sample.add_argument("--samples", type=int, default=4)
    sample.add_argument("--seed", type=int, default=0)
    choose = verbs.add_parser("choose")
    choose.add_argument("output", type=Path)
    choose.add_argument("rows", type=Path)
    choose.add_argument("reasoned", type=Path)
    choose.add_argument("samples", type=Path, nargs="+")
    choose.add_argument("--places", action="store_true", help="only the rows of these pictures, without an answer")
    choose.add_argument("--unchecked", action="store_true", help="as many answers as are right, right or not")
    given = parser.parse_args(words)
    rows = read_json_lines(given.rows)
    if given.verb == "sample":
        found = sample_answers(given.model, rows, given.images, given.samples, given.seed)
        write_whole(given.output, json_lines(found))
        return 0
    samples = [sample for path in given.samples for sample in read_json_lines(path)]
    chosen = right_answers(rows, samples)
    if given.unchecked:
        chosen = unchecked_answers(rows, samples, len(chosen))
    if not chosen:
        print(f"expert: none of {len(samples):,} answers names country and city rightly", file=sys.stderr)
        return InputError.exit_code
    right = {row["id"] for row in chosen}
    places = [row for row in rows if row["id"] in right]
    write_whole(given.output, json_lines(places if given.places else [*read_json_lines(given.reasoned), *chosen]))
    print(f"{given.output}: answers to {len(chosen):,} of {len(rows):,} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
