"""Items a processor second of the functions that every answer goes through, and what hostile text costs them.

    python perf/functions.py [--only REGEX] [--characters 5000000]

One process, one core, fixed inputs, the median of five rounds; no input is repeated, so that nothing is remembered.
Beside our own stand what they could be replaced by: geographiclib and scikit-learn for distances, matching of
substrings (GLOBE's released reward) for cues, which is wrong more often than fast. Hostile text is one piece repeated
up to `--characters`: to be held is a second for 5 million characters, which no quadratic reading stays below.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from geographiclib.geodesic import Geodesic
from sklearn.metrics.pairwise import haversine_distances

from globe_eval import miniworld, scoring
from globe_eval.answers import parse
from globe_eval.cues import asserts_many, read
from globe_eval.metrics.consistency import consistency
from globe_eval.metrics.grounding import controls, ground
from globe_eval.places import gazetteer
from globe_eval.places.distance import geodesic_km, haversine_km
from globe_eval.places.resolve import resolve_many

CASES = json.loads((Path(__file__).parents[1] / "tests" / "golden" / "cues.json").read_text(encoding="utf-8"))
RESPONSES = {
    "tags": "<think>" + "The sign is in French and the trams are white. " * 40 + "</think>\n"
    "<answer>country: France\ncity: Lyon</answer>",
    "JSON": "Let us look at the vegetation, the signs and the road. " * 30
    + '```json\n{"lat": 45.76, "long": 4.84, "city": "Lyon", "country": "France"}\n```',
    "broken JSON": "A tram. " * 150 + '{"lat": 45.76, "long": 4.84, "city": Lyon, "country": France,}',
    "labels": "A tram. " * 150 + "\n* **Latitude:** 45.76° N\n* **Longitude:** 4.84° E\n* **City:** Lyon\n",
    "prose": "The trams are white and the shop signs are in French. " * 20
    + "Based on these clues, the photo was most likely taken near the Place Bellecour in Lyon, France.",
    "refusal": "I'm unable to determine the exact location from this image alone. " + "There are trees. " * 60,
}
FRAMES = (
    "In the foreground there is {}, which is common in this part of the world.",
    "I also notice {} next to the road.",
    "The presence of {} suggests a temperate climate.",
    "There is no sign of {}, however.",
    "On the left stands {}.",
)
HOSTILE = {
    parse: [
        "{", "}", "{}", "[", "(", "((", "<", "<think>", "</think>", "<answer>", "<answer></answer>",
        "<answer>x</answer>", "<answer>country: France\ncity: Lyon</answer>", "\\boxed{", "country:", "country: ",
        "country: France\n", "city: a, ", "country: France\ncity: Lyon\n", "lat", "lat ", "lat: ", "lat: 1, lon: 2 ",
        "latitude and longitude ", "location: ", "0", "1 ", "1.", "1,", "1.5 ", "1.5, ", "48.8566, 2.3522 ",
        "48.8566, 2.3522\n", "48° ", "48°51′24″ ", "°", "-", "- ", "N ", "1 N ", "1° N, ", " ", "\n", "\t", " \n", '"',
        "'", '\\"', "\\", '{"', '{"a":', '{"a":[', '{"a":1}', '{"a":1,', '{"lat":1}', '{"lat":1,"lon":2}', "{lat:",
        '{"lat": 1, ', "{'lat': 1, 'lon': 2}", '"a":', "```", "```json\n{", "*", "**", "# ", "| country ", "a", "A ",
        "A, ", "Paris, France. ", "most likely in ", "most likely in A ", "I cannot ", "can't a ", "&deg;", "^\\circ",
        "\\text{", "\u200b", "\x00", "é", "🌍", "\ud800", "not ", "between 1 and ", "confidence: 1%", "unknown ",
        "London's ", "Paris in ", "U.S. ", "St. A", "Rome (Italy) ", "such as Rome, ", "A–B ", "Â°", "â\x80", "Ã",
        "1° O ", "| a | b |\n|---|---|\n", "<tool_call>", "<|channel|>final<|message|>", '{"name":"a","arguments":{}}',
        "city: unknown\n", "address: 1, ", "http://a?q=1.1,2.2 ", "ß", "İ", "́", "北纬1",
    ],
    read: [
        "no ", "a, ", "Palm ", '"a" ', '"', "**a** ", "**Road**: ", "palm-", "if palm, ", "trees and ", "A.B.", "a",
        "would ", "trees and are absent ", "a not visible ", "é", "\n", "# a\n", "in spanish ", "( ", "?",
    ],
}  # fmt: skip

Work = tuple[str, int, Callable[[int], object]]
"""A name, how many items one round takes, and the round of a number."""


def distances(n: int = 200_000) -> Iterator[Work]:
    rng = np.random.default_rng(0)
    pairs = np.degrees(np.arcsin(rng.uniform(-1, 1, (n, 4))))
    pairs[:, 1::2] = rng.uniform(-180, 180, (n, 2))
    few, side = pairs[:2_000].tolist(), int(n**0.5)
    yield "distances: geodesic_km", n, lambda _: geodesic_km(*pairs.T)
    yield "distances: haversine_km", n, lambda _: haversine_km(*pairs.T)
    yield "distances: geographiclib", len(few), lambda _: [Geodesic.WGS84.Inverse(*pair) for pair in few]
    radians = np.radians(pairs[:side])  # scikit-learn takes no pairs, only all against all
    yield "distances: scikit-learn", side**2, lambda _: haversine_distances(radians[:, :2], radians[:, 2:])


def names(n: int = 4_000) -> Iterator[Work]:
    """Distinct names of the gazetteer, and what models write of them."""
    gaz = gazetteer.load()
    rows = [row for row in range(len(gaz)) if gaz.kind[row] >= gazetteer.CITY]
    random.Random(0).shuffle(rows)
    known = [(gaz.name(row), gaz.name(gaz.country[row]), gaz.name(gaz.admin1[row])) for row in rows[: 6 * n]]
    kinds = {
        "city, country": lambda city, country, admin: (city, country, None),
        "city, country, state": lambda city, country, admin: (city, country, admin),
        "city and state in one text": lambda city, country, admin: (f"{city}, {admin}", country, None),
        "city alone": lambda city, country, admin: (city, None, None),
        "with a suffix": lambda city, country, admin: (f"outskirts of {city} City", country, None),
        "not in the gazetteer": lambda city, country, admin: (f"{city[::-1]} quarter", country, None),
    }
    for kind, asked in kinds.items():
        parts = [[asked(*one) for one in known[i * n : (i + 1) * n]] for i in range(6)]
        yield f"names: {kind}", n, lambda i, parts=parts: resolve_many(parts[i])


def responses(n: int = 100) -> Iterator[Work]:
    for kind, text in RESPONSES.items():
        yield f"responses: {kind}", n, lambda i, text=text: [parse(f"{text} {i} {j}") for j in range(n)]
    answers = [parse(text.replace("Lyon", city)) for city in ("Lyon", "Nice", "Lille") for text in RESPONSES.values()]
    predictions = scoring.locate(answers, form="names")
    pairs = [pair for pair in zip(answers, predictions, strict=True) if pair[1] is not None]
    yield "responses: consistency", len(pairs), lambda _: [consistency(*pair) for pair in pairs]


def cues(n: int = 500) -> Iterator[Work]:
    held_out = [case for case in CASES if case["part"] == "held-out"]
    for name, matcher in {"asserts": asserts_many, "substrings": substrings}.items():
        texts, entities = [case["text"] for case in held_out], [case["entity"] for case in held_out]
        f1 = figure(matcher(texts, entities), [case["asserted"] for case in held_out])
        yield (
            f"cues: {name}, F1 {f1:.3f}",
            len(texts),
            lambda i, matcher=matcher, texts=texts, entities=entities: matcher([f"{t} {i}" for t in texts], entities),
        )
    rows = miniworld.photographs("test", 6 * n)
    draw = random.Random(0)
    texts = [reasoning(row["entities"], draw) for row in rows]
    yield "cues: reading 60 words", n, lambda i: [read(text) for text in texts[i * n : (i + 1) * n]]
    yield "cues: grounding, 20 rotations", n, lambda i: grounding(rows[i * n : (i + 1) * n], texts[i * n : (i + 1) * n])


def reasoning(entities: list[str], draw: random.Random, words: int = 60) -> str:
    """Sentences that name cues, half of them of the photograph's own."""
    written: list[str] = []
    while len(written) < words:
        cue = draw.choice(entities if draw.random() < 0.5 else miniworld.VOCABULARY)
        written += draw.choice(FRAMES).format(cue).split()
    return " ".join(written[:words])


def grounding(rows: list[dict], texts: list[str]) -> None:
    seen = [row["entities"] for row in rows]
    for text, entities, control in zip(texts, seen, controls([row["id"] for row in rows], seen), strict=True):
        ground(text, entities, miniworld.VOCABULARY, control=control)


def substrings(texts: list[str], entities: list[str]) -> list[bool]:
    return [entity.lower() in text.lower() for text, entity in zip(texts, entities, strict=True)]


def figure(found: list[bool], true: list[bool]) -> float:
    """F1."""
    return 2 * sum(f and t for f, t in zip(found, true, strict=True)) / (sum(found) + sum(true))


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def hostile(characters: int) -> None:
    for function, pieces in HOSTILE.items():
        texts = {repr(piece): (piece * (characters // len(piece) + 1))[:characters] for piece in pieces}
        texts["all of them in turn"] = "".join(islice(cycle(pieces), characters // 10))
        texts["braces around an answer"] = f'{"{" * (characters // 2)}"lat": 1.5, "lon": 2.5{"}" * (characters // 2)}'
        texts["one long name"] = "country: " + "a" * characters
        taken = {name: seconds(partial(function, text)) for name, text in texts.items()}
        slowest = sorted(taken.items(), key=lambda item: -item[1])[:5]
        print(f"hostile: {function.__module__.split('.')[1]}.{function.__name__}, {len(texts)} texts, the slowest:")
        for name, one in slowest:
            print(f"{one:12.3f} s  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="of the names, as in 'names|hostile'")
    parser.add_argument("--characters", type=int, default=5_000_000)
    options = parser.parse_args()
    for kind in (distances, names, responses, cues):
        if not re.search(options.only, kind.__name__):
            continue
        for name, n, work in kind():
            work(5)
            taken = statistics.median(seconds(lambda i=i, work=work: work(i)) for i in range(5))
            print(f"{name:40} {n / taken:14,.0f} /s", flush=True)
    if re.search(options.only, "hostile"):
        hostile(options.characters)


if __name__ == "__main__":
    main()
