"""Which cues a text asserts: labelled cases, properties on any text, hostile input, and the interface."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cues import Mention, asserts, asserts_many, canonical, read, with_hypernyms
from globe_eval.cues.lexicon import lexicon, normal

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "cues.json").read_text(encoding="utf-8")
)
NAMES = sorted(lexicon().cues)
SMALL_WORDS = re.findall(
    r"\S+", "no not without if would there is are a the and or Palm Street , . ; ? ! : ( ) ' - * #"
)
WORDS = [*NAMES, *SMALL_WORDS, "\n"]
texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=40).map("-".join),
)


def measured(cases: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Precision, recall and F1, counted here and nowhere else."""
    said = [asserts(case["text"], case["entity"]) for case in cases]
    true = [bool(case["asserted"]) for case in cases]
    hits = sum(s and t for s, t in zip(said, true, strict=True))
    precision, recall = hits / sum(said), hits / sum(true)
    return precision, recall, 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("part", "at_least", "floor"), [("dev", 300, 0.95), ("held-out", 150, 0.94), ("kinds", 250, 0.95)]
)
def test_labelled_cases(part: str, at_least: int, floor: float) -> None:
    cases = [case for case in CASES if case["part"] == part]
    assert len(cases) >= at_least
    precision, recall, f1 = measured(cases)
    assert f1 >= floor, f"{part}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}"
    assert precision >= 0.95, f"{part}: precision {precision:.3f}"


def test_no_case_stands_twice() -> None:
    assert len({(case["text"], case["entity"]) for case in CASES}) == len(CASES)


def test_cases_of_another_hand(shared_data: Path) -> None:
    lines = (shared_data / "grounding" / "entity_cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    precision, recall, f1 = measured([{**case, "asserted": case["mentioned"]} for case in cases])
    assert f1 >= 0.94, f"precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}"


def test_other_languages_are_not_covered() -> None:
    for case in CASES:
        if case["category"] == "language" and not case["text"].startswith("The "):
            assert not read(case["text"]).covered, case["text"]
        elif case["category"] != "language":
            assert read(case["text"]).covered, case["text"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "Palm trees, red soil.",
        "A café near the château, with façades in ochre.",
        'The sign reads "Willkommen in der Stadt", and there is a church.',
        "The sign shows 東京 and the street is narrow.",
        "Rua Augusta is the name on the street sign; the pavement is in black and white.",
    ],
)
def test_english_is_covered(text: str) -> None:
    assert read(text).covered


@pytest.mark.parametrize(
    "text",
    [
        "Das Bild zeigt eine Straße mit alten Häusern und einem Kirchturm.",
        "La imagen muestra una calle con casas blancas y palmeras.",
        "L'image montre une rue avec des maisons et des arbres.",
        "L'immagine mostra una strada con case e alberi.",
        "A imagem mostra uma rua com casas e árvores.",
        "Na zdjęciu widać ulicę z domami i drzewami.",
        "Gambar ini menunjukkan jalan dengan rumah dan pohon.",
        "На изображении видна улица с домами.",
        "这张图片显示了一条街道和一些树。",
        "この写真には通りと木が写っています。",
        "이 사진에는 거리와 나무가 있습니다.",
        "تظهر الصورة شارعا وأشجارا.",
        "Op de foto staat een straat met huizen en bomen.",
    ],
)
def test_an_uncovered_text_asserts_nothing(text: str) -> None:
    reading = read(text)
    assert not reading.covered and not reading.mentions and not reading.cues
    assert not reading.asserts("tree") and not reading.asserts("straße") and not reading.asserts("street")


def test_mentions_say_where_they_stand() -> None:
    text = "A church, but no palm-trees; the Golden Gate Bridge is unmistakable."
    found = read(text).mentions
    assert [(text[m.start : m.end], m.cue, m.asserted) for m in found] == [
        ("church", "church", True),
        ("palm-trees", "palm tree", False),
        ("Bridge", "bridge", True),
    ]
    assert found[0] == Mention(2, 8, "church", True)


def test_what_is_asserted_once_stays_asserted() -> None:
    assert asserts("No church here. A church stands on the hill.", "church")
    assert asserts("A church stands on the hill. No church here.", "church")


def test_either_part_of_an_ade20k_name() -> None:
    assert asserts("A road runs through the fields.", "road, route")
    assert asserts("A street lamp is lit.", "streetlight, street lamp")
    assert asserts("There are stairs.", "step, stair")
    assert not asserts("A river runs through the fields.", "road, route")


def test_entities_that_the_lexicon_lacks() -> None:
    assert canonical("Quixotic Gizmos") == "quixotic gizmo"
    assert asserts("A quixotic gizmo hangs there.", "quixotic gizmos")
    assert not asserts("No quixotic gizmo hangs there.", "quixotic gizmos")
    assert not asserts("A gizmo hangs there.", "quixotic gizmo")
    assert asserts("The Eiffel Tower is behind the trees.", "Eiffel Tower")
    assert not asserts("It could be near the Eiffel Tower Hotel.", "Eiffel")


@pytest.mark.parametrize("entity", ["", " ", ",", "()", "...", "the", ", ,"])
def test_an_empty_entity_is_never_asserted(entity: str) -> None:
    assert not asserts("The church. ()", entity)
    assert isinstance(canonical(entity), str)


def test_many_are_the_same_as_one_by_one() -> None:
    ours = [case["text"] for case in CASES], [case["entity"] for case in CASES]
    assert asserts_many(*ours) == [asserts(text, entity) for text, entity in zip(*ours, strict=True)]
    assert asserts_many([], []) == []
    with pytest.raises(ValueError, match="zip"):
        asserts_many(["a church"], [])


@settings(max_examples=400, derandomize=True, deadline=None)
@given(texts, st.one_of(st.text(max_size=30), st.sampled_from(NAMES)))
def test_any_text_can_be_read(text: str, entity: str) -> None:
    reading = read(text)
    end = 0
    for mention in reading.mentions:
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end
        words = normal(text[mention.start : mention.end])
        assert mention.cue in (lexicon().find(words), lexicon().find(("".join(words),)))
    assert reading.cues == {mention.cue for mention in reading.mentions if mention.asserted}
    assert all(reading.asserts(kind) for kind in with_hypernyms(reading.cues))
    again = read(text)
    assert again.mentions == reading.mentions and again.asserts(entity) == reading.asserts(entity)
    if entity.strip() and reading.asserts(entity):
        assert reading.covered


ASIDES = ["It was taken in the afternoon.", "The quality is good.", "I am fairly sure of that.", "No more can be said.",
          "There are no submarines.", "If there were submarines, I would say so."]  # fmt: skip


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from([case for case in CASES if case["category"] != "language"]), min_size=1, max_size=3),
       st.sampled_from(ASIDES), st.booleans())  # fmt: skip
def test_a_sentence_beside_takes_nothing_back(cases: list[dict[str, Any]], aside: str, before: bool) -> None:
    for case in cases:
        if asserts(case["text"], case["entity"]):
            both = f"{aside} {case['text']}" if before else f"{case['text']} {aside}"
            assert asserts(both, case["entity"]), both


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.permutations([case["text"] for case in CASES if case["category"] == "plain"][:6]))
def test_the_order_of_sentences_does_not_matter(sentences: list[str]) -> None:
    assert read(" ".join(sentences)).cues == read(" ".join(sorted(sentences))).cues


def test_the_whole_vocabulary_denied_asserts_nothing() -> None:
    assert not read(" ".join(f"There is no {name}." for name in NAMES)).cues


HOSTILE = [
    *(
        "no ",
        "a, ",
        "Palm ",
        '"a" ',
        '"',
        "'",
        "**a** ",
        "**Road**: ",
        "palm-",
        "if palm, ",
        "trees and ",
        "A.B.",
        "would ",
    ),
    *("trees and are absent ", "a not visible ", "e\u0301", "\n", "# a\n", "in spanish ", "1. A", "( ", "?"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """Quadratic time would take minutes on 100 kB; `perf/functions.py` measures five."""
    text = (piece * (100_000 // len(piece)))[:100_000]
    reading = read(text)
    assert not reading.asserts("blue church with a door")


def test_a_word_without_end() -> None:
    assert read("a" * 1_000_000).mentions == ()


def test_a_reading_travels_between_processes() -> None:
    reading = read("A church and a red bus.")
    copy = pickle.loads(pickle.dumps(reading))
    assert copy.mentions == reading.mentions and copy.asserts("red bus") and not copy.asserts("red church")
