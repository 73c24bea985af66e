from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval import scoring
from globe_eval.answers import parse
from globe_eval.answers.text import Cut
from globe_eval.metrics.globe import (
    globe_accuracy,
    globe_city_match,
    globe_country_match,
    globe_extract,
    globe_format,
    globe_locatability,
    globe_match,
    globe_visual_match,
)
from globe_eval.metrics.response_format import lenient_format, response_format
from globe_eval.models.response import Response
from globe_eval.sample import Sample, Truth

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text(encoding="utf-8"))

# The reference: lingli1996/GLOBE @ cfc439b (Apache-2.0), the released functions word for word but for their logging.


def extract_location_from_content(data):
    if not data:
        return "", ""
    pattern = r"<answer>(.*?)</answer>"
    match = re.search(pattern, data, re.DOTALL)
    pred = match.group(1).strip() if match else data
    country_match = re.search(r"country:\s*([^\n]+)", pred)
    city_match = re.search(r"city:\s*([^\n]+)", pred)
    country = country_match.group(1).strip().lower() if country_match else ""
    city = city_match.group(1).strip().lower() if city_match else ""
    return country, city


def extract_location_without_think(pred_content):
    if not pred_content:
        return "", ""
    country_match = re.search(r"country:\s*([^\n]+)", pred_content)
    city_match = re.search(r"city:\s*([^\n]+)", pred_content)
    country = country_match.group(1).strip().lower() if country_match else ""
    city = city_match.group(1).strip().lower() if city_match else ""
    return country, city


def match_location(pred, ground_truth, match_city_or_country_threshold=0.7):
    len1 = len(pred)
    len2 = len(ground_truth)
    pred = pred.lower()
    ground_truth = ground_truth.lower()
    if len1 == 0:
        return 0
    if (pred in ground_truth and len1 / len2 >= match_city_or_country_threshold) or (
        ground_truth in pred and len2 / len1 >= match_city_or_country_threshold
    ):
        return 1
    return 0


def released_reward(content, sol):
    match = re.search(r"<answer>(.*?)</answer>", content, re.DOTALL)
    pred = match.group(1).strip() if match else ""
    gt_country, gt_city = sol.split("\t")
    country_match = re.search(r"country:\s*([^\n]+)", pred)
    city_match = re.search(r"city:\s*([^\n]+)", pred)
    country = country_match.group(1).strip().lower() if country_match else ""
    city = city_match.group(1).strip().lower() if city_match else ""
    if match_location(city, gt_city) and match_location(country, gt_country):
        return 1.0
    elif match_location(country, gt_country):
        return 0.2
    return 0.0


NAMES = ["Niger", "Nigeria", "İ", "İstanbul", "ISTANBUL", "ı", "ẞ", "a", "b", "ab", "aba", "San José", "[Paris]", ""]
LETTERS = ["a", "A", "İ", "i̇"]
PIECES = [
    "<answer>", "</answer>", "<answer", "<think>", "</think>", "country:", "city:", "Country:", "CITY:", "\n", "\r\n",
    " ", "\t", "\x1c", "\u2028", "\u00a0", "**", ".", *NAMES,
]  # fmt: skip


def test_names_and_responses_like_the_released_code_on_100000_random_strings() -> None:
    draw = random.Random(0)
    hits = 0
    for _ in range(100_000):
        response = "".join(draw.choices(PIECES, k=draw.randrange(14)))
        pred, truth = ("".join(draw.choices(LETTERS, k=draw.randrange(5))) for _ in range(2))
        assert globe_extract(response) == extract_location_from_content(response)
        assert globe_extract(response, cot=False) == extract_location_without_think(response)
        assert globe_match(pred, truth) is bool(match_location(pred, truth)), (pred, truth)
        assert globe_accuracy(response, truth, pred) == released_reward(response, f"{truth}\t{pred}")
        hits += match_location(pred, truth)
    assert 5_000 < hits < 50_000


@settings(max_examples=300)
@given(st.text(), st.text(), st.floats(0, 1))
def test_match_is_the_released_rule_on_any_text(pred: str, truth: str, threshold: float) -> None:
    assert globe_match(pred, truth, threshold) is bool(match_location(pred, truth, threshold))
    assert globe_match(pred, pred + truth, threshold) is bool(match_location(pred, pred + truth, threshold))


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))
def test_extract_is_the_released_reading_of_any_text(response: str) -> None:
    assert globe_extract(response) == extract_location_from_content(response)


@pytest.mark.parametrize(("pred", "truth", "right"), GOLDEN["globe_match"])
def test_vectors_of_the_containment_rule(pred: str, truth: str, right: bool) -> None:
    assert globe_match(pred, truth) is right


@pytest.mark.parametrize("case", GOLDEN["globe_response"], ids=lambda case: case["why"])
def test_responses_read_by_hand(case: dict[str, str | float]) -> None:
    response, country, city = case["response"], case["country"], case["city"]
    assert globe_country_match(response, country) == case["country_match"]
    assert globe_city_match(response, city) == case["city_match"]
    assert globe_accuracy(response, country, city) == case["accuracy"]


def test_length_is_taken_before_lower_casing() -> None:
    assert len("İİİİİİİİİİ".lower()) == 20
    assert globe_match("i̇" * 7, "İ" * 10)  # 14 / 10 of the length before, 14 / 20 after
    assert not globe_match("i̇" * 3, "İ" * 10)
    assert globe_match("i̇" * 4, "İ" * 10)  # 8 / 10; would be 8 / 20 after lower-casing


def test_unknown_truth_is_unknown_and_no_response_is_wrong() -> None:
    assert math.isnan(globe_country_match("country: France", None))
    assert math.isnan(globe_city_match(None, None))
    assert globe_country_match(None, "France") == globe_city_match("", "Paris") == 0.0
    assert globe_country_match("country: France", "") == 0.0
    assert globe_accuracy(None, "France", "Paris") == 0.0


def test_many_opening_tags_are_read_in_linear_time() -> None:
    assert globe_extract("<answer>" * 500_000) == ("", "")  # the released regular expression would need hours


def released_visual_match(completion: str, entities: list[dict[str, str]]) -> float:
    """The definition of `globe_visual_match` in words: the share of the distinct lower-cased tags that are substrings
    of the lower-cased text before the first `</think>`, every `<think>` taken out of it; 0 without tags."""
    end = completion.find("</think>")
    thought = completion if end < 0 else completion[:end]
    while "<think>" in thought:
        at = thought.index("<think>")
        rest = thought[at + len("<think>") :]
        thought = thought[:at] + "\0" + rest  # what stood on both sides of a tag does not grow into a new one
    thought = "".join(thought.split("\0")).lower()
    tags = list(dict.fromkeys(entity["text"].lower() for entity in entities))
    found = [tag for tag in tags if thought.find(tag) >= 0]
    return len(found) / len(tags) if tags else 0.0


RELEASED_FORMAT = re.compile(r"^<think>.*?</think>\s*<answer>.*?</answer>(?![\s\S])", re.DOTALL | re.MULTILINE)

PARTS = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    " ",
    "\n",
    "\u2003",
    "tree",
    "Street",
    "İ",
    "bus",
    "a red Bus",
    "x",
]
TAGS = ["tree", "Street", "street", "bus", "Red Bus", "", " ", "i̇", "<think>", "x\n", "palm tree", "RED"]


def test_visual_match_and_format_in_100_000_random_cases() -> None:
    draw = random.Random(20250614)
    formats = matches = 0.0
    for _ in range(100_000):
        parts = draw.choices(PARTS, k=draw.randrange(9))
        if draw.random() < 0.4:  # near the asked form
            parts = ["<think>", *parts[:3], "</think>", *parts[3:4], "<answer>", *parts[4:6], "</answer>", *parts[6:7]]
        response, tags = "".join(parts), draw.choices(TAGS, k=draw.randrange(5))
        expected = released_visual_match(response, [{"text": tag} for tag in tags])
        assert globe_visual_match(response, tags) == expected, (response, tags)
        good = RELEASED_FORMAT.match(response) is not None
        assert globe_format(response) == float(good), response
        formats, matches = formats + good, matches + (0 < expected < 1)
    assert 10_000 < formats < 60_000 and matches > 20_000, "both outcomes must be there"


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3)).map("".join), st.lists(st.text(max_size=3), max_size=4))
def test_visual_match_and_format_on_any_text(response: str, tags: list[str]) -> None:
    assert globe_format(response) == float(RELEASED_FORMAT.match(response) is not None)
    if "\0" not in response:
        assert globe_visual_match(response, tags) == released_visual_match(response, [{"text": tag} for tag in tags])


def test_visual_match_without_an_annotation_is_unknown_and_without_a_tag_zero() -> None:
    assert math.isnan(globe_visual_match("<think>a</think>", None))
    assert globe_visual_match("<think>a</think>", []) == globe_visual_match(None, ["a"]) == 0.0


def test_many_tags_are_matched_in_linear_time() -> None:
    assert globe_format("<think>" + "</think><answer>" * 200_000) == 0.0  # minutes with the regular expression
    assert globe_format("<think>" + "</think><answer>" * 200_000 + "</answer>") == 1.0


GOOD = "<think>A red bus.</think><answer>country: Malta\ncity: Valletta</answer>"


@pytest.mark.parametrize(
    "response, globe, lenient",
    [
        (GOOD, 1.0, 1.0),
        (GOOD.replace("</think>", "</think>\n\n"), 1.0, 1.0),
        (GOOD + "\n", 0.0, 1.0),
        (" " + GOOD, 0.0, 1.0),
        (GOOD.removeprefix("<think>"), 0.0, 1.0),
        (GOOD.replace("think>", "THINK>"), 0.0, 1.0),
        (GOOD.replace("think>", "thinking>"), 0.0, 1.0),
        (GOOD.removesuffix("</answer>"), 0.0, 1.0),
        (GOOD.replace("</think>", ""), 0.0, 0.0),
        ("<answer>country: Malta</answer>", 0.0, 0.0),
        ("<answer>country: Malta</answer><think>A bus.</think>", 0.0, 0.0),
        ("<think></think><answer>country: Malta</answer>", 1.0, 0.0),
        ("<think>A bus.</think><answer></answer>", 1.0, 0.0),
        ("A red bus.", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_forms(response: str, globe: float, lenient: float) -> None:
    assert (globe_format(response), lenient_format(Cut.of(response))) == (globe, lenient)


def test_truncated_and_length() -> None:
    def measured(text: str, finish_reason: str = "stop") -> tuple[bool, int]:
        found = response_format(parse(text, truncated=finish_reason == "length"), text)
        return found.truncated, found.n_words

    assert measured(GOOD) == (False, 3)
    assert measured("<think>A red bus and", "length") == (True, 4)
    assert measured("<think>A red bus and") == (True, 4), "the thought never ends"
    assert measured("") == (False, 0)


def test_a_cut_off_thought_is_scored_as_far_as_it_goes() -> None:
    response = Response("<think>A church and a", finish_reason="length")
    truth = Truth(1.0, 2.0, entities=("church", "bridge"))
    (score,) = scoring.score([Sample.of("a", truth, response)], form="names")
    assert score.grounding is not None and score.grounding.recall == 0.5
    assert score.format is not None and score.format.truncated


@given(st.dictionaries(st.sampled_from(["yes", "Yes", "YES", "no", "No", "NO", "maybe"]), st.floats(-20, 0)))
def test_the_probability_of_a_yes(logprobs: dict[str, float]) -> None:
    yes = sum(math.exp(p) for token, p in logprobs.items() if token.lower() == "yes")
    no = sum(math.exp(p) for token, p in logprobs.items() if token.lower() == "no")
    found = globe_locatability(logprobs)
    if yes + no:
        assert found == pytest.approx(yes / (yes + no + 1e-19)) and 0 <= found <= 1
    else:
        assert math.isnan(found)
    assert math.isnan(globe_locatability(None))
