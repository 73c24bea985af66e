"""An answer below headings, in the layouts in which models fill in "guess a country, a city, a specific location"."""

from __future__ import annotations

import pytest

from globe_eval.answers import parse

HEADINGS = [
    ("1. Guess a country:", "2. Guess a city:", "3. Guess a specific location or coordinate:"),
    ("1) Country", "2) City", "3) Specific location"),
    ("### 1. Country", "### 2. City", "### 3. Specific location"),
    ("**Country**", "**City**", "**Specific location**"),
    ("## Country guess", "## City guess", "## Location guess"),
    ("**Step 1: Guess a country**", "**Step 2: Guess a city**", "**Step 3: Guess a specific location**"),
    ("Step 1 – Country", "Step 2 – City", "Step 3 – Exact spot"),
    ("A. Country:", "B. City:", "C. Exact location:"),
    ("(1) Guess a country", "(2) Guess a city", "(3) Guess a specific location"),
    ("1. **Country Guess**", "2. **City Guess**", "3. **Specific Location Guess**"),
]
LAYOUTS = [
    "{head}\n{place}\n\n",
    "{head}\n- {place}\n- {why}\n\n",
    "{head}\n   - **{place}**\n   - {why}\n",
    "{head}\n   - {why}\n   - Guess: {place}\n",
    "{head}\n{why}\n→ {place}\n\n",
    "{head}\n{why} My guess: {place}.\n\n",
    "{head}\n**{place}** – {why}\n\n",
    "{head}\n{place} ({why})\n\n",
    "{head}\n*Reasoning:* {why}\n*Answer:* {place}\n\n",
    "{head}\n- {why} This suggests {place}.\n\n",
    "{head}\n* {why}\n* **Conclusion: {place}**\n",
    "{head} **{place}** — {why}\n",
    "{head}\n\n{why} So I would guess **{place}**.\n\n",
    "{head}\n> {place}\n\n{why}\n\n",
]
REASONS = ["Clues", "Analysis", "Visual evidence", "Why", "Deduction"]
CONCLUSIONS = ["Conclusion", "Guess", "Answer", "Result", "Best estimate", "Verdict", "Prediction", "Likely candidate"]
WHY = ("The plates are yellow and the signs are in Dutch.", "Blue trams and a long bridge.", "The pylons are close.")
PLACES = ("Netherlands", "Rotterdam", "Erasmusbrug")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("headings", HEADINGS, ids=lambda headings: headings[0])
def test_headings(headings: tuple[str, ...], layout: str) -> None:
    rows = zip(headings, PLACES, WHY, strict=True)
    answer = parse("".join(layout.format(head=head, place=place, why=why) for head, place, why in rows))
    assert (answer.country, answer.city) == PLACES[:2]


@pytest.mark.parametrize("conclusion", CONCLUSIONS)
@pytest.mark.parametrize("reason", REASONS)
def test_items_below_a_heading(reason: str, conclusion: str) -> None:
    text = "**1. Guess a country:**\n* **{r}:** Flags with a maple leaf.\n* **{c}:** Canada\n\n**2. Guess a city:**\n"
    text += "* **{r}:** French-language signs, and copper roofs of a château-like hotel.\n* **{c}:** Halifax\n"
    answer = parse(text.format(r=reason, c=conclusion))
    assert (answer.country, answer.city) == ("Canada", "Halifax")


def test_region_of_a_concluded_town() -> None:
    answer = parse("1. Country:\nThe United States, given the flags.\n2. City:\nThis could be Brunswick, Georgia.\n")
    assert (answer.country, answer.city, answer.admin) == ("The United States", "Brunswick", "Georgia")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("**Location**\nThe image shows a quiet suburb with trees.", "unparsed"),
        ("### City\nUnknown\n\n### Country\nUnknown", "refused"),
    ],
)
def test_no_place_below_a_heading(text: str, status: str) -> None:
    assert parse(text).status == status


def test_town_concluded_behind_the_labels() -> None:
    """The country of the labels alone is refined by what the text concludes in it, and by nothing else."""
    assert parse("Country: Portugal\nLanguage: Portuguese\n\nThis is most likely Lisbon, Portugal.").city == "Lisbon"
    assert parse("Country: Portugal\n\nThis is most likely Madrid, Spain.").city is None
    assert parse("Country: Portugal\nCity: unknown\n\nThis is most likely Lisbon, Portugal.").city is None
