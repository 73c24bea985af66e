from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from globe_eval import miniworld, scoring
from globe_eval.answers import parse
from globe_eval.errors import InputError
from globe_eval.metrics import accuracy, globe, grounding
from globe_eval.miniworld import world
from globe_eval.sample import Sample, Truth
from globe_train import rewards
from globe_train.data import target
from globe_train.laptop import teacher

N = 10_000


def written(reasoning: str, country: str, city: str) -> str:
    return target({"reasoning": reasoning, "country": country, "city": city})


def responses(n: int, seed: int = 0) -> tuple[list[str], dict[str, list]]:
    """Answers to pictures of miniworld as models give them: right, wrong, half right, odd, broken."""
    rng = random.Random(seed)
    rows = miniworld.photographs("train", 400, seed=5)
    cities = world.cities()
    texts, columns = [], {name: [] for name in ("id", "country", "city", "lat", "lon", "entities")}
    for _ in range(n):
        row, other = rng.choice(rows), rng.choice(cities)
        country = rng.choice([row["country"], other.country, row["country"].upper(), "the moon", ""])
        city = rng.choice([row["city"], other.name, f"**{row['city']}**", f"[{row['city']}]", "Springfield", ""])
        said = rng.choice(
            [
                written(teacher.argue(row["entities"][rng.randrange(5) :], row["country"]), country, city),
                f"country: {country}\ncity: {city}",
                f"<answer>country: {country}\ncity: {city}",
                f"<think>It is {city}.</think>\n<answer>\nCountry: {country}\nCity: {city}\n</answer>\n",
                f"I would say {city}, {country}.",
                "",
            ]
        )
        texts.append(said)
        for name, values in columns.items():
            values.append(row[name])
    return texts, columns


def as_trl(texts: list[str]) -> list[list[dict[str, str]]]:
    return [[{"role": "assistant", "content": text}] for text in texts]


@pytest.fixture(scope="module")
def answered() -> tuple[list[str], dict[str, list]]:
    return responses(N)


@pytest.fixture(scope="module")
def scored(answered: tuple[list[str], dict[str, list]]) -> list[Sample]:
    texts, c = answered
    places = zip(c["lat"], c["lon"], c["country"], c["city"], c["entities"], c["id"], texts, strict=True)
    samples = [
        Sample.of(name, Truth(lat, lon, country, city, entities=tuple(seen)), text)
        for lat, lon, country, city, seen, name, text in places
    ]
    return scoring.score(samples, form="names")


@pytest.mark.parametrize("alpha", [0.8, 0.5])
def test_r_geo_is_the_papers_equation_on_the_metrics(answered, scored, alpha: float) -> None:
    texts, columns = answered
    values = rewards.r_geo(as_trl(texts), alpha=alpha, **columns)
    country, city = ([getattr(score, f"{name}_correct") for score in scored] for name in ("country", "city"))
    expected = [c * (alpha * i + 1 - alpha) for c, i in zip(country, city, strict=True)]
    assert max(abs(a - b) for a, b in zip(values, expected, strict=True)) < 1e-12
    assert {round(value, 6) for value in values} == {0.0, round(1 - alpha, 6), 1.0}


def test_r_distance_is_geoscore(answered, scored) -> None:
    texts, columns = answered
    values = rewards.r_distance(as_trl(texts), **columns)
    geoscore = accuracy.geoscore([math.nan if s.distance_km is None else s.distance_km for s in scored])
    assert max(abs(a - b / 5000) for a, b in zip(values, geoscore, strict=True)) < 1e-12
    assert 0 < sum(values) / N < 1


def test_globe_r_geo_is_the_released_reward(answered) -> None:
    texts, columns = answered
    values = rewards.globe_r_geo(as_trl(texts), **columns)
    released = [
        globe.globe_accuracy(t, a, b) for t, a, b in zip(texts, columns["country"], columns["city"], strict=True)
    ]
    assert values == released
    assert set(values) == {0.0, 0.2, 1.0}


def test_grounding_rewards_are_their_metrics(answered, scored) -> None:
    texts, columns = answered
    alone = [score.grounding for score in scored]
    undefined = sum(one is None or not one.covered for one in alone)
    assert len(alone) == N and 0 < undefined < N / 20, "a picture of nothing that is named"
    for name, expected in (
        ("r_f1", [one and one.f1 for one in alone]),
        ("r_vis", [one.precision or 0.0 if one and one.covered else None for one in alone]),
        ("globe_r_vis", [one and one.globe_visual_match for one in alone]),
    ):
        values = rewards.REWARDS[name](as_trl(texts), **columns)
        assert len(set(values)) > 5
        assert [value is None for value in values] == [value is None for value in expected], name
        assert max(abs(a - b) for a, b in zip(values, expected, strict=True) if a is not None) < 1e-12, name


def test_r_lift_of_ten_thousand_answers_is_the_metric_of_each_round(answered, scored) -> None:
    texts, columns = answered
    values = rewards.r_lift(as_trl(texts), **columns)
    rounds: dict[int, list[int]] = {}
    turns: Counter[str] = Counter()
    for i, name in enumerate(columns["id"]):  # the first answers to each picture, the second ones, and so on
        rounds.setdefault(turns[name], []).append(i)
        turns[name] += 1
    for members in rounds.values():
        reasonings = [parse(texts[i]).reasoning for i in members]
        expected = grounding.lifts(
            [columns["id"][i] for i in members], reasonings, [scored[i].truth.entities for i in members]
        )
        for i, lift in zip(members, expected, strict=True):
            assert (values[i] is None) == math.isnan(lift)
            assert values[i] is None or abs(values[i] - lift) < 1e-12
    assert sum(value is not None for value in values) > 0.95 * N and len(set(values)) > 50


def test_r_format_is_the_released_rule_on_ten_thousand_answers(answered, scored) -> None:
    texts, _ = answered
    values = rewards.r_format(as_trl(texts))
    released = re.compile(r"^<think>.*?</think>\s*<answer>.*?</answer>(?![\s\S])", re.DOTALL)  # plugin.py's Format
    assert values == [float(released.match(text) is not None) for text in texts]
    assert set(values) == {0.0, 1.0}


def test_r_lift_is_the_metric_of_a_set_in_which_each_picture_is_once() -> None:
    rows = miniworld.photographs("train", 12, seed=5)
    lessons = [[teacher.teach(row, "flawed", seed) for row in rows] for seed in (1, 2)]
    expected = []
    for lessons_of_one in lessons:
        ids, seen = ([row[name] for row in rows] for name in ("id", "entities"))
        expected += grounding.lifts(ids, [one["reasoning"] for one in lessons_of_one], seen).tolist()
    texts = [written(one["reasoning"], "a", "b") for lessons_of_one in lessons for one in lessons_of_one]
    shuffled = random.Random(1).sample(range(24), 24)  # a batch is in no order, but each picture's first comes first
    order = sorted(shuffled, key=lambda i: i >= 12)
    columns = {name: [(rows * 2)[i][name] for i in order] for name in ("id", "entities")}
    values = rewards.r_lift([texts[i] for i in order], **columns)
    assert max(abs(value - expected[i]) for value, i in zip(values, order, strict=True)) < 1e-12
    assert rewards.r_lift(texts[:1], id=["a"], entities=[["bus"]]) == [None]


def test_games_that_raise_the_released_reward_do_not_raise_the_honest_ones() -> None:
    rows = miniworld.photographs("train", 100, seed=6)
    columns = {name: [row[name] for row in rows] for name in ("id", "entities")}
    answer = "<answer>country: a\ncity: b</answer>"
    everything, common = list(miniworld.VOCABULARY), ["road", "cars", "pavement", "blue sky", "clouds", "grass"]

    def mean(name: str, say) -> float:
        said = [say(row) for row in rows]
        texts = [text if "<answer>" in text else f"<think>{text}</think>{answer}" for text in said]
        values = rewards.REWARDS[name](texts, **columns)
        return sum(values) / len(values)

    def honest(row: dict) -> str:
        return teacher.argue(row["entities"][::2], "a")

    def denied(entities) -> str:
        return "There is " + ", ".join(f"no {entity}" for entity in entities) + "."

    games = {
        "a dump": lambda row: teacher.argue(everything, "a"),
        "a list of everything": lambda row: ", ".join(everything),
        "the commonest": lambda row: teacher.argue(common, "a"),
        "another picture": lambda row: teacher.argue(rows[(rows.index(row) + 7) % 100]["entities"], "a"),
        "denials": lambda row: denied(row["entities"]),
        "denials of everything": lambda row: denied(everything),
        "cues behind the answer": lambda row: f"<think></think>{answer} {' '.join(row['entities'])}",
        "a reasoning behind the answer": lambda row: f"{answer} {teacher.argue(row['entities'], 'a')}",
        "silence": lambda row: "",
    }
    for name, game in games.items():
        assert mean("r_lift", game) < mean("r_lift", honest) - 0.2, name
        assert mean("r_f1", game) < mean("r_f1", honest) - 0.1, name
    assert mean("globe_r_vis", games["a dump"]) > mean("globe_r_vis", honest)
    assert mean("globe_r_vis", games["denials"]) > mean("globe_r_vis", honest)
    for name, more in (("a dump", everything), ("the commonest", common)):  # beside an honest answer, too
        assert mean("r_lift", lambda row, more=more: teacher.argue([*row["entities"][::2], *more], "a")) < (
            mean("r_lift", honest) if name == "a dump" else mean("r_lift", honest) + 0.02
        ), name
    for name in ("r_f1", "r_lift"):
        denying = mean(name, lambda row: f"{honest(row)} {denied(row['entities'][1::2])}")
        behind = mean(name, lambda row: f"<think>{honest(row)}</think>{answer} {' '.join(row['entities'])}")
        # a denial may take back a cue that was wrong: worth less than a thousandth
        assert denying <= mean(name, honest) + 1e-3 and behind <= mean(name, honest) + 1e-9, name
    honest_and_padding = [teacher.argue([*row["entities"][::2], *everything[:60]], "a") for row in rows]
    padded = rewards.r_f1([f"<think>{text}</think>" for text in honest_and_padding], **columns)
    assert sum(padded) / 100 < mean("r_f1", honest) - 0.1


def test_r_format_is_the_released_pattern() -> None:
    cases = {
        "<think>a</think><answer>b</answer>": 1.0,
        "<think>a\nb</think>\n\n<answer>c\nd</answer>": 1.0,
        "<think></think><answer></answer>": 1.0,
        " <think>a</think><answer>b</answer>": 0.0,
        "<think>a</think><answer>b</answer>\n": 0.0,
        "<think>a</think> so <answer>b</answer>": 0.0,
        "<answer>b</answer>": 0.0,
        "": 0.0,
    }
    assert rewards.r_format(as_trl(list(cases))) == list(cases.values())


def test_what_cannot_be_known_is_none_and_not_zero() -> None:
    said = as_trl(["country: France\ncity: Paris"])
    nothing = {"country": [None], "city": [None], "lat": [None], "lon": [None], "entities": [None]}
    nothing["id"] = ["a"]
    for name in rewards.NEEDS:
        assert rewards.REWARDS[name](said, **nothing) == [None], name
    only_country = {"country": ["France"], "city": [None], "lat": [48.9], "lon": [2.35]}
    assert rewards.r_geo(said, **only_country) == [None]
    assert rewards.r_distance(said, **only_country)[0] > 0.99


def test_a_row_does_not_depend_on_its_neighbours(answered) -> None:
    texts, columns = answered
    few = {name: values[:20] for name, values in columns.items()}
    alone = [rewards.r_geo([texts[i]], **{n: [v[i]] for n, v in columns.items()})[0] for i in range(20)]
    assert rewards.r_geo(texts[:20], **few) == alone


def test_a_reward_that_raises_is_one_line_that_names_it() -> None:
    def broken(completions, **_):
        return [1 / 0 for _ in completions]

    with pytest.raises(InputError, match=r"reward 'broken': ZeroDivisionError.*test_rewards.py, line \d+"):
        rewards.trl_reward("broken", broken)(completions=["a"])


@pytest.mark.parametrize("values", [[1.0, 2.0], [float("nan")], ["a"], [float("inf")]])
def test_what_is_no_reward_is_refused(values: list) -> None:
    with pytest.raises(InputError, match="reward 'odd'"):
        rewards.trl_reward("odd", lambda completions, **_: values)(completions=["a"])


def test_an_asynchronous_reward_is_refused_and_named_like_any_other() -> None:
    async def fine(completions, **_):
        return [None for _ in completions]

    async def broken(completions, **_):
        raise OSError("no route")

    assert asyncio.run(rewards.trl_reward("fine", fine)(completions=["a"])) == [None]
    with pytest.raises(InputError, match="reward 'broken': OSError"):
        asyncio.run(rewards.trl_reward("broken", broken)(completions=["a"]))


def test_a_reward_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def short(completions, *, limit=9, **_):\n    return [1.0] * len(completions)\n")
    found = rewards.find_reward("mine:short", tmp_path)
    assert rewards.parameters_of(found) == ["limit"]
    assert rewards.trl_reward("mine:short", found, limit=3)(completions=["a", "b"]) == [1.0, 1.0]
    with pytest.raises(InputError, match="cannot be loaded"):
        rewards.find_reward("mine:long", tmp_path)


def test_the_columns_that_rewards_need_are_columns_of_a_row() -> None:
    from globe_train.data import ROW

    assert set(rewards.NEEDS) <= set(rewards.REWARDS)
    assert {name for names in rewards.NEEDS.values() for name in names} <= set(ROW)
    assert json.dumps(rewards.NEEDS)
