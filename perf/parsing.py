"""How long `globe_eval.answers.parse` takes: on ordinary responses and on hostile ones of 5 million characters.

    python perf/parsing.py [CHARACTERS]

Prints processor seconds for each hostile text, and microseconds for each kind of ordinary response. The bound to hold
is one second for 5 million characters.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import cycle, islice

from globe_eval.answers import parse

ORDINARY = {
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

UNITS = [
    "{", "}", "{}", "[", "(", "((", "<", "<think>", "</think>", "<answer>", "<answer></answer>",
    "<answer>x</answer>", "<answer>country: France\ncity: Lyon</answer>", "\\boxed{", "country:", "country: ",
    "country: France\n", "city: a, ", "country: France\ncity: Lyon\n", "lat", "lat ", "lat: ", "lat: 1, lon: 2 ",
    "latitude and longitude ", "location: ", "0", "1 ", "1.", "1,", "1.5 ", "1.5, ", "48.8566, 2.3522 ",
    "48.8566, 2.3522\n", "48° ", "48°51′24″ ", "°", "-", "- ", "N ", "1 N ", "1° N, ", " ", "\n", "\t", " \n", '"',
    "'", '\\"', "\\", '{"', '{"a":', '{"a":[', '{"a":1}', '{"a":1,', '{"lat":1}', '{"lat":1,"lon":2}', "{lat:",
    '{"lat": 1, ', "{'lat': 1, 'lon': 2}", '"a":', "```", "```json\n{", "*", "**", "# ", "| country ", "a", "A ",
    "A, ", "Paris, France. ", "most likely in ", "most likely in A ", "I cannot ", "can't a ", "&deg;", "^\\circ",
    "\\text{", "\u200b", "\x00", "é", "🌍", "\ud800", "not ", "between 1 and ", "confidence: 1%", "unknown ",
    "London's ", "Paris in ", "U.S. ", "St. A", "Rome (Italy) ", "such as Rome, ", "A–B ", "Â°", "â\x80", "Ã", "北纬1",
    "1° O ", "| a | b |\n|---|---|\n", "<tool_call>", "<|channel|>final<|message|>", '{"name":"a","arguments":{}}',
    "city: unknown\n", "address: 1, ", "http://a?q=1.1,2.2 ", "ß", "İ", "́",
]  # fmt: skip


def timed(function: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    function(text)
    return time.process_time() - start


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    for kind, text in ORDINARY.items():
        runs = sorted(timed(parse, text) for _ in range(50))
        print(f"{kind:12} {len(text):6} characters  {runs[25] * 1e6:7.0f} µs")
    texts = {repr(unit): (unit * (size // len(unit) + 1))[:size] for unit in UNITS}
    texts["all of them in turn"] = "".join(islice(cycle(UNITS), size // 10))
    texts["braces around an answer"] = "{" * (size // 2) + '"lat": 1.5, "lon": 2.5' + "}" * (size // 2)
    texts["one long string"] = '{"lat": "' + "1" * size
    texts["one long name"] = "country: " + "a" * size
    seconds = {name: timed(parse, text) for name, text in texts.items()}
    for name, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{taken:7.3f} s  {name}")
    print(f"slowest of {len(seconds)}: {max(seconds.values()):.3f} s for {size} characters")


if __name__ == "__main__":
    main()
