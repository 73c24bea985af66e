"""Continents against the UN's regions, and where the policy differs from them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from globe_eval.places import borders
from globe_eval.places.borders import continent_of

DATA = Path(borders.__file__).with_name("data")

# UN M49's region of each code, read from country-coder's groups, where GeoNames and the policy differ from it.
UN_REGIONS = {"002": "AF", "142": "AS", "150": "EU", "009": "OC", "005": "SA", "021": "NA", "013": "NA", "029": "NA"}
NOT_AS_THE_UN = {
    "CY": ("AS", "EU"),
    "TL": ("AS", "OC"),
    "CC": ("OC", "AS"),
    "IO": ("AF", "AS"),
    "BV": ("SA", "AN"),
    "GS": ("SA", "AN"),
    "HM": ("OC", "AN"),
    "TF": ("AF", "AN"),
}


def un_region(code: str, features: list[dict[str, object]]) -> str | None:
    """The region that most of a country's features carry; a country whose parts differ by its mainland or capital."""
    own = [f for f in features if f.get("iso1A2") == code]
    parts = [f for f in features if f.get("country") == code or code in (f.get("groups") or [])]  # type: ignore[operator]
    for group in (own, parts):
        regions = [UN_REGIONS[g] for f in group for g in f.get("groups") or [] if g in UN_REGIONS]  # type: ignore[attr-defined]
        if regions:
            return Counter(regions).most_common(1)[0][0]
    return None


def test_continents_are_the_uns_but_for_the_policy() -> None:
    features = [f["properties"] for f in json.loads((DATA / "borders.json").read_text(encoding="utf-8"))["features"]]
    official = {f["iso1A2"] for f in features if "iso1A2" in f and f.get("isoStatus") != "excRes"}
    assert len(official) == 250  # ISO 3166-1's 249 and XK
    table = json.loads((DATA / "continents.json").read_text(encoding="utf-8"))["continents"]
    listed = [code for line in table.values() for code in line.split()]
    assert len(listed) == len(set(listed)) == 250 and set(listed) == official
    assert list(table) == ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
    # Countries in several regions: by the part that holds the capital.
    spanning = {"RU": "EU", "US": "NA", "FR": "EU", "GB": "EU", "ES": "EU", "NL": "EU", "AQ": None}
    for code in sorted(official):
        by_un = spanning[code] if code in spanning else un_region(code, features)
        if code in NOT_AS_THE_UN:
            assert (by_un, continent_of(code)) == NOT_AS_THE_UN[code], code
        elif code == "AQ":
            assert continent_of(code) == "AN"
        else:
            assert continent_of(code) == by_un, code


@pytest.mark.parametrize(
    ("continent", "members"),
    [
        ("EU", "RU CY XK IS GL"),
        ("AS", "TR KZ GE AM AZ ID CC IO IL TW"),
        ("AF", "EG RE YT SH EH"),
        ("OC", "TL CX UM PG GU"),
        ("NA", "US PR PA TT BM"),
        ("AN", "AQ GS BV HM TF"),
        ("SA", "FK GF CO"),
    ],
)
def test_continent_policy(continent: str, members: str) -> None:
    expected = {code: continent for code in members.split()}
    if continent == "EU":
        expected["GL"] = "NA"
    assert {code: continent_of(code) for code in expected} == expected


@pytest.mark.parametrize("code", [None, "", "ZZ", "EU", "UN", "fr", "FRA", "IC"])
def test_no_continent(code: str | None) -> None:
    assert continent_of(code) is None


def test_the_vendored_borders_are_unedited_and_licensed() -> None:
    digest = hashlib.sha256((DATA / "borders.json").read_bytes()).hexdigest()
    assert digest == "1b7bcaec215f7a7df5404d633f193cf069befbf55316deeae2e1178a96a6db3c"  # country-coder 5.6.1
    assert "ISC License" in (DATA / "borders.LICENSE.md").read_text(encoding="utf-8")
