from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.places import names, words
from globe_eval.places.names import alternatives, country_code, country_of, normalise, parts

# Codes and names from ISO 3166 and CLDR, written here and not read from the packed file.
COUNTRIES = {
    "US": "USA|U.S.|us|United States|United States of America|America|the United States|EE.UU.|США|美国|アメリカ合衆国",
    "GB": "UK|U.K.|Great Britain|United Kingdom|England|Scotland|Wales|Northern Ireland|Vereinigtes Königreich|英国",
    "CI": "Ivory Coast|Côte d'Ivoire|Cote dIvoire|Elfenbeinküste",
    "TR": "Turkey|Türkiye|Turkiye|Türkei|Republic of Türkiye",
    "XK": "Kosovo|Republic of Kosovo|Kosova",
    "RU": "Russia|Russian Federation|Россия|Russland",
    "KR": "South Korea|Republic of Korea|Korea, Republic of|Korea|대한민국|韩国|韓国",
    "KP": "North Korea|DPRK|Korea, Democratic People's Republic of",
    "HK": "Hong Kong|Hong Kong SAR|Hong Kong SAR China|Hong Kong, China|香港",
    "MO": "Macau|Macao SAR",
    "TW": "Taiwan|Taiwan, Province of China|Republic of China (Taiwan)|台灣|台湾",
    "CN": "China|中国|PRC|People's Republic of China|Tibet",
    "CD": "DR Congo|DRC|Democratic Republic of the Congo|Congo-Kinshasa",
    "CG": "Congo|Republic of the Congo",
    "MM": "Burma|Myanmar|Myanmar (Burma)",
    "CZ": "Czechia|Czech Republic|Česko",
    "NL": "Holland|The Netherlands|Nederland",
    "PS": "Palestine|State of Palestine|West Bank",
    "VA": "Vatican|Vatican City|Holy See",
    "SZ": "Swaziland|Eswatini",
    "MK": "Macedonia|North Macedonia",
    "CV": "Cape Verde|Cabo Verde",
    "LA": "Laos|Lao PDR",
    "GM": "The Gambia|Gambia",
    "BA": "Bosnia & Herzegovina|Bosnia and Herzegovina",
    "DE": "Deutschland|Germany|Allemagne|Германия|ドイツ|ألمانيا",
    "GR": "Ελλάδα|Greece|Hellas",
    "IN": "भारत|India|Bharat",
    "TH": "ประเทศไทย|ไทย|Thailand",
    "SX": "Sint Maarten",
    "PR": "Puerto Rico|Puerto Rico, USA",
    "PT": "Azores|Azores, Portugal|Portugal",
    "GE": "Georgia",
}


def test_country_names_in_many_languages() -> None:
    wrong = {
        n: country_code(n) for code, known in COUNTRIES.items() for n in known.split("|") if country_code(n) != code
    }
    assert not wrong


def test_every_iso_code_is_known() -> None:
    path = Path(names.__file__).with_name("data") / "continents.json"
    codes = {code for countries in json.loads(path.read_text())["continents"].values() for code in countries.split()}
    assert len(codes) > 240
    codes.remove("NA")  # Namibia's, but in an answer it means "not available"
    assert {code: country_code(code) for code in codes if country_code(code) != code} == {}


@pytest.mark.parametrize(
    "text", ["", "Unknown", "Europe", "Africa", "Latin America", "Southeast Asia", "Middle East", "N/A", "-",
             "Wakanda",
             "North or South America", "Western Europe", "Temperate region unknown", "[Country Name]", "NA", "n.a.",
             None]
)  # fmt: skip
def test_what_is_no_country(text: str | None) -> None:
    assert country_code(text) is None


def test_of_two_countries_the_first_counts() -> None:
    assert country_code("Austria or Germany") == "AT"
    assert country_code("Unknown or Germany") == "DE"
    assert country_code("Norway/Sweden") == "NO"


def test_a_region_is_kept_as_what_else_the_country_field_says() -> None:
    assert country_of("Texas, USA") == ("US", "Texas")
    assert country_of("Georgia, USA") == ("US", "Georgia")
    assert country_of("Spain (Canary Islands)") == ("ES", "Canary Islands")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("  São   Paulo ", "sao paulo"), ("ØSTERBRO", "osterbro"), ("Straße", "strasse"), ("ＴＯＫＹＯ", "tokyo"),
        ("“Lyon”.", "lyon"), ("St.-Denis", "saint denis"), ("Ft. Worth", "fort worth"), ("Mt Fuji", "mount fuji"),
        ("L'Aquila", "laquila"), ("L’Aquila", "laquila"), ("A Coruña", "a coruna"), ("U.S.A.", "usa"),
        ("Đà Nẵng", "da nang"), ("臺北", "台北"), ("ガーナ", "ガーナ"), ("", ""), ("!?*", ""),
        ("a\x00b\ud800c", "abc"), ("a\u200bb", "ab"),
    ],
)  # fmt: skip
def test_normalise(text: str, key: str) -> None:
    assert normalise(text) == key


def test_vowel_signs_of_other_scripts_are_kept() -> None:
    assert normalise("दिल्ली") != normalise("दल्ला")
    assert normalise("กรุงเทพ") == "กรุงเทพ"


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_normalise_gives_clean_words(text: str) -> None:
    key = normalise(text)
    assert key == " ".join(key.split())
    assert key == key.casefold() or not key.isascii()
    key.encode()


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=40))
@settings(max_examples=300, deadline=None)
def test_normalise_ignores_case_and_markup(text: str) -> None:
    assert normalise(f"**{text}**") == normalise(text)
    if text.isascii():
        assert normalise(text.upper()) == normalise(text.lower())


@pytest.mark.parametrize(
    "text", ["Unknown", "unknown small town", "Not Specified", "N/A", "rural area", "[city name]", "<City>", "none",
             "-",
             "a small coastal village", "City", "undetermined", "unknown coastal city", "null", "不明",
             "not applicable"]
)  # fmt: skip
def test_what_names_no_place(text: str) -> None:
    assert words.is_unknown(normalise(text))


@pytest.mark.parametrize(
    "text",
    ["Road Town", "Rural Hall", "Mountain View", "Salt Lake City", "Townsville", "Nantes", "Nice", "Split", "Male"],
)
def test_names_that_look_generic_are_names(text: str) -> None:
    assert not words.is_unknown(normalise(text))


def test_parts_put_brackets_last() -> None:
    assert parts("Ho Chi Minh City (Saigon)") == ["Ho Chi Minh City", "Saigon"]
    assert parts("Coburg, Melbourne - Australia") == ["Coburg", "Melbourne", "Australia"]
    assert parts("Stratford-upon-Avon") == ["Stratford-upon-Avon"]
    assert parts("(((") == []


def test_alternatives_do_not_cut_words() -> None:
    assert alternatives("Orlando or Portland, Oregon") == ["Orlando", "Portland, Oregon"]
    assert alternatives("Corfu") == ["Corfu"]
    assert alternatives(" / ") == [" / "]


@given(st.text(alphabet="abc dé市-", max_size=30).map(normalise))
@settings(max_examples=200, deadline=None)
def test_variants_are_shorter_and_few(key: str) -> None:
    forms = [form for form, _ in words.variants(key)]
    assert len(forms) == len(set(forms)) <= 10
    assert all(form and len(form) < len(key) for form in forms)
