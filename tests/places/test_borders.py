from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.places import borders, gazetteer, names
from globe_eval.places.borders import continent_of, countries_at, country_at
from globe_eval.places.distance import geodesic_km
from globe_eval.places.nearest import nearest

DATA = Path(borders.__file__).with_name("data")
NAN, INF = float("nan"), float("inf")


def codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What any atlas says; none is near a border or in dispute.
ATLAS = {
    "Paris": (48.8566, 2.3522, "FR"),
    "Ajaccio, Corsica": (41.9267, 8.7369, "FR"),
    "Nairobi": (-1.2921, 36.8219, "KE"),
    "Reykjavik": (64.1466, -21.9426, "IS"),
    "Ushuaia": (-54.8019, -68.3030, "AR"),
    "Vladivostok": (43.1155, 131.8855, "RU"),
    "Kaliningrad": (54.7104, 20.4522, "RU"),
    "Provideniya, east of the antimeridian": (64.4235, -173.2258, "RU"),
    "Honolulu": (21.3069, -157.8583, "US"),
    "Anchorage": (61.2181, -149.9003, "US"),
    "Amchitka, west of the antimeridian": (51.5, 179.1, "US"),
    "Las Palmas, Canaries": (28.1235, -15.4363, "ES"),
    "Palma, Balearics": (39.5696, 2.6502, "ES"),
    "Ceuta": (35.8894, -5.3213, "ES"),
    "Ponta Delgada, Azores": (37.7412, -25.6756, "PT"),
    "Denpasar, Bali": (-8.6705, 115.2126, "ID"),
    "Kota Kinabalu, Borneo": (5.9804, 116.0735, "MY"),
    "Cabinda": (-5.5500, 12.2000, "AO"),
    "Baikonur": (45.6200, 63.3150, "KZ"),
    "Edinburgh": (55.9533, -3.1883, "GB"),
    "Belfast": (54.5973, -5.9301, "GB"),
    "Maseru": (-29.3151, 27.4869, "LS"),
    "San Marino": (43.9424, 12.4578, "SM"),
    "Monaco": (43.7384, 7.4246, "MC"),
    "Suva": (-18.1416, 178.4419, "FJ"),
    "Galapagos": (-0.7432, -90.3038, "EC"),
    "Easter Island": (-27.1500, -109.4333, "CL"),
    "Büsingen, German exclave": (47.6970, 8.6900, "DE"),
    "Llivia, Spanish exclave": (42.4640, 1.9800, "ES"),
    "McMurdo": (-77.8419, 166.6863, "AQ"),
    "South Pole": (-90.0, 45.0, "AQ"),
    "Sahara, far from any town": (23.0, 2.0, "DZ"),
    "Greenland's ice, far from any town": (75.0, -40.0, "GL"),
}
# Territories are their own ISO 3166-1 code.
TERRITORIES = {
    "Saint-Denis, Réunion": (-20.8907, 55.4551, "RE"),
    "San Juan, Puerto Rico": (18.4655, -66.1057, "PR"),
    "Hong Kong": (22.2988, 114.1722, "HK"),
    "Macao": (22.1987, 113.5439, "MO"),
    "Taipei": (25.0330, 121.5654, "TW"),
    "Cayenne": (4.9224, -52.3135, "GF"),
    "Nouméa": (-22.2711, 166.4380, "NC"),
    "Papeete": (-17.5350, -149.5696, "PF"),
    "Tórshavn": (62.0107, -6.7741, "FO"),
    "Nuuk": (64.1814, -51.6941, "GL"),
    "Mariehamn": (60.0973, 19.9348, "AX"),
    "Gibraltar": (36.1408, -5.3536, "GI"),
    "Saint Peter Port": (49.4555, -2.5368, "GG"),
    "Sark": (49.4310, -2.3600, "GG"),
    "Douglas": (54.1523, -4.4861, "IM"),
    "Ascension": (-7.9467, -14.3559, "SH"),
    "Tristan da Cunha": (-37.0675, -12.3110, "SH"),
    "Diego Garcia": (-7.3133, 72.4111, "IO"),
    "Bonaire": (12.1443, -68.2655, "BQ"),
    "Willemstad": (12.1091, -68.9316, "CW"),
    "Marigot": (18.0679, -63.0825, "MF"),
    "Philipsburg": (18.0237, -63.0458, "SX"),
    "Stanley": (-51.6977, -57.8517, "FK"),
    "Grytviken": (-54.2811, -36.5092, "GS"),
    "Hagåtña": (13.4757, 144.7489, "GU"),
    "Midway": (28.2072, -177.3735, "UM"),
    "Kerguelen": (-49.3500, 70.2167, "TF"),
    "Clipperton, which ISO counts with France": (10.3000, -109.2170, "FR"),
}
# One point at least for every entry of disputed.json, by its name.
DISPUTED = {
    "Crimea": [(44.6054, 33.5221, "RU UA"), (45.3600, 36.4700, "RU UA")],
    "Western Sahara": [(26.1580, -10.5590, "EH MA")],
    "Western Sahara west of the berm": [(27.1418, -13.1880, "EH MA"), (23.6848, -15.9580, "EH MA")],
    "Kosovo": [(42.6629, 21.1655, "RS XK")],
    "West Bank": [(31.9038, 35.2034, "IL PS"), (31.7770, 35.2980, "IL PS")],
    "East Jerusalem": [(31.7781, 35.2354, "IL PS"), (31.8300, 35.2350, "IL PS"), (31.7400, 35.2350, "IL PS")],
    "Golan Heights": [(32.9920, 35.6910, "IL SY"), (33.2700, 35.7720, "IL SY"), (32.7790, 35.7000, "IL SY")],
    "Northern Cyprus": [(35.3364, 33.3173, "CY"), (35.1200, 33.9400, "CY")],
    "Akrotiri": [(34.5900, 32.9800, "CY GB")],
    "Dhekelia": [(34.9836, 33.7400, "CY GB")],
    "Abyei": [(9.5950, 28.4350, "SD SS")],
    "Abu Musa and the Tunbs": [(25.8750, 55.0330, "AE IR"), (26.2600, 55.3000, "AE IR")],
    "Paracel Islands": [(16.8340, 112.3400, "CN VN")],
    "Bir Tawil": [(21.8700, 33.7400, "")],
    "Svalbard and Jan Mayen": [(78.2232, 15.6267, "NO SJ"), (70.9900, -8.5000, "NO SJ")],
    "Vatican City": [(41.9022, 12.4533, "IT VA")],
}
# Next door to a dispute, and not in it; and what the policy decides without an accept set.
SETTLED = {
    "Kherson": (46.6354, 32.6169, "UA"),
    "Krasnodar": (45.0355, 38.9753, "RU"),
    "Donetsk": (48.0159, 37.8029, "UA"),
    "Tarfaya": (27.9400, -12.9200, "MA"),
    "Agadir": (30.4278, -9.5981, "MA"),
    "Zouérat": (22.7350, -12.4710, "MR"),
    "Belgrade": (44.7866, 20.4489, "RS"),
    "Gaza": (31.5017, 34.4668, "PS"),
    "West Jerusalem": (31.7717, 35.2170, "IL"),
    "Tel Aviv": (32.0853, 34.7818, "IL"),
    "Tiberias": (32.7922, 35.5312, "IL"),
    "Ein Gev, on the lake's eastern shore": (32.7830, 35.6390, "IL"),
    "Kiryat Shmona": (33.2073, 35.5721, "IL"),
    "Daraa": (32.6189, 36.1021, "SY"),
    "Damascus": (33.5138, 36.2765, "SY"),
    "Limassol": (34.7071, 33.0226, "CY"),
    "Juba": (4.8594, 31.5713, "SS"),
    "Hainan": (20.0440, 110.1999, "CN"),
    "Da Nang": (16.0544, 108.2022, "VN"),
    "Dubai": (25.2048, 55.2708, "AE"),
    "Tromsø": (69.6492, 18.9553, "NO"),
    "Colosseum": (41.8902, 12.4922, "IT"),
    "Sukhumi": (43.0015, 41.0234, "GE"),
    "Tskhinvali": (42.2250, 43.9700, "GE"),
    "Hargeisa": (9.5600, 44.0650, "SO"),
    "Tiraspol": (46.8482, 29.5968, "MD"),
    "Stepanakert": (39.8153, 46.7519, "AZ"),
    "Srinagar": (34.0837, 74.7973, "IN"),
    "Muzaffarabad": (34.3700, 73.4711, "PK"),
    "Yuzhno-Kurilsk": (44.0300, 145.8600, "RU"),
    "Liancourt Rocks": (37.2410, 131.8660, "KR"),
    "Guantanamo Bay": (19.9060, -75.0970, "CU"),
    "Halaib": (22.2200, 36.6400, "EG"),
}


@pytest.mark.parametrize("place", [*ATLAS, *TERRITORIES, *SETTLED])
def test_known_places(place: str) -> None:
    lat, lon, expected = {**ATLAS, **TERRITORIES, **SETTLED}[place]
    assert country_at(lat, lon) == {expected}


def test_every_disputed_entry_is_tested_and_sourced() -> None:
    table = json.loads((DATA / "disputed.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in table["places"]] == list(DISPUTED)
    for entry in table["places"]:
        assert entry["sources"] and entry["accept"] == sorted(set(entry["accept"]))
        assert all(continent_of(code) for code in entry["accept"])
        assert set(entry.get("coded", [])) <= set(entry["accept"])  # an accept set only ever widens


@pytest.mark.parametrize("name", DISPUTED)
def test_disputed_places(name: str) -> None:
    for lat, lon, expected in DISPUTED[name]:
        assert country_at(lat, lon) == codes(expected), (lat, lon)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (0, 0),
        (0, -30),
        (30, -50),
        (-47.948, -161.393),
        (24, -152),
        (43, 34),
        (90, 0),
        (-60, -100),
        (52, 180),
        (42, 50.5),
    ],
)
def test_at_sea_there_is_no_country(lat: float, lon: float) -> None:
    assert country_at(lat, lon) == frozenset()


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (38.78, -9.85, "PT"),  # 30 km west of Cabo da Roca
        (38.78, -10.90, ""),  # 120 km
        (-23.2956, 151.7136, "AU"),  # the Great Barrier Reef, 70 km out
        (51.05, 1.45, "GB"),  # the Strait of Dover, nearer to England
        (23.67, -16.33, "EH MA"),  # off Dakhla, where the borders end: the place's code, and its accept set
        (69.5, 17.0, "NO"),
        (-33.9, 151.5, "AU"),
    ],
)
def test_near_a_coast_there_is(lat: float, lon: float, expected: str) -> None:
    assert country_at(lat, lon) == codes(expected)


def test_off_the_borders_the_nearest_place_within_50_km_decides() -> None:
    rng = np.random.default_rng(0)
    cities = [place for place in gazetteer.cities() if abs(place.lat) < 80]
    picked = [cities[i] for i in rng.choice(len(cities), 4_000, replace=False)]
    lat = np.array([place.lat for place in picked]) + rng.uniform(-1.5, 1.5, len(picked))
    lon = np.array([place.lon for place in picked]) + rng.uniform(-1.5, 1.5, len(picked))
    drawn = set(borders._borders().lookup(lat, (lon + 180) % 360 - 180)[0].tolist())
    bare = [row for row in range(len(picked)) if row not in drawn]
    places, km = nearest(lat[bare], lon[bare])
    found = countries_at(lat[bare], lon[bare])
    for place, distance, accepted in zip(places, km, found, strict=True):
        assert (place.country_code in accepted) == (distance <= 50), (place, distance)
    assert (km <= 50).sum() >= 5 and (km > 50).sum() >= 5


def test_the_mask_is_within_100_km_of_land_and_the_right_way_up() -> None:
    mask = np.unpackbits(borders._near_land(), axis=1).astype(bool)
    rows, columns = mask.shape
    area = np.cos(np.radians(90 - (np.arange(rows) + 0.5) * 180 / rows))[:, None] * np.ones(columns)
    assert 0.38 < (mask * area).sum() / area.sum() < 0.46  # land is 0.29 of the Earth
    # Due east of Ponta do Seixas, the easternmost point of the Americas, and due south of Cape Agulhas.
    lons = np.arange(-34.7, -32, 0.1)
    off_brazil = mask[((90 + 7.155) * rows / 180).__int__(), ((lons + 180) * columns / 360).astype(int)]
    reach = geodesic_km(-7.155, -34.793, -7.155, lons[~off_brazil][0])
    assert reach == pytest.approx(100, abs=15)
    lats = np.arange(-35, -38, -0.1)
    off_africa = mask[((90 - lats) * rows / 180).astype(int), ((20.0 + 180) * columns / 360).__int__()]
    assert geodesic_km(-34.834, 20.0, lats[~off_africa][0], 20.0) == pytest.approx(100, abs=15)


def test_a_point_on_a_border_belongs_to_both_sides() -> None:
    features = json.loads((DATA / "borders.json").read_text(encoding="utf-8"))["features"]
    rings: defaultdict[tuple[float, float], set[str]] = defaultdict(set)
    for feature in features:
        code = feature["properties"].get("iso1A2")
        for polygon in (feature["geometry"] or {"coordinates": []})["coordinates"]:
            for lon, lat in polygon[0]:
                rings[lon, lat].add(code)
    shared = {point: both for point, both in rings.items() if both == {"BE", "LU"}}
    assert shared
    for lon, lat in shared:
        assert country_at(lat, lon) == {"BE", "LU"}


@pytest.mark.parametrize("lon", [180.0, -180.0, 179.9999, -179.9999, 540.0, -540.0])
def test_the_antimeridian_is_no_gap(lon: float) -> None:
    assert country_at(-16.8, lon) == {"FJ"}  # Taveuni
    assert country_at(68.5, lon) == {"RU"}  # Chukotka
    assert country_at(71.2, lon) == {"RU"}  # Wrangel Island
    assert country_at(-85.0, lon) == {"AQ"}


@pytest.mark.parametrize(
    ("lat", "lon"), [(NAN, 2.0), (48.0, NAN), (INF, 2.0), (48.0, -INF), (90.1, 2.0), (-91.0, 2.0), (NAN, NAN)]
)
def test_no_point_no_country(lat: float, lon: float) -> None:
    assert country_at(lat, lon) == frozenset()
    assert countries_at([48.8566, lat, 52.52], [2.3522, lon, 13.405]) == [{"FR"}, set(), {"DE"}]


def test_empty_and_batches() -> None:
    assert countries_at([], []) == []
    assert countries_at(48.8566, 2.3522) == [{"FR"}]
    assert countries_at(0.0, [-65.0, 22.0]) == [{"BR"}, {"CD"}]
    rng = np.random.default_rng(1)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 500))), rng.uniform(-180, 180, 500)
    assert countries_at(lat, lon) == [country_at(*point) for point in zip(lat, lon, strict=True)]


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), turns=st.integers(-3, 3))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_any_point_has_known_codes_and_a_turn_changes_nothing(lat: float, lon: float, turns: int) -> None:
    found = country_at(lat, lon)
    assert all(continent_of(code) for code in found) and len(found) <= 3
    assert country_at(lat, round(lon, 6) + 360 * turns) == country_at(lat, round(lon, 6))


def test_geonames_cities_agree() -> None:
    cities = list(gazetteer.cities())
    found = countries_at([place.lat for place in cities], [place.lon for place in cities])
    right = [place.country_code in accepted for place, accepted in zip(cities, found, strict=True)]
    assert np.mean(right) > 0.999
    assert all(found)  # a populated place is never at sea
    by_country: defaultdict[str, list[bool]] = defaultdict(list)
    for place, hit in zip(cities, right, strict=True):
        by_country[place.country_code].append(hit)
    assert {code: float(np.mean(hits)) for code, hits in by_country.items() if np.mean(hits) < 0.75} == {}
    assert len(by_country) > 240
    wide = Counter(accepted for accepted in found if len(accepted) > 1)
    assert sum(wide.values()) < 0.01 * len(cities)  # accept sets are the exception


def test_labels_of_street_view_pictures(shared_data: Path) -> None:
    with (shared_data / "street_view" / "gpt-4o.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = {
        (row["label_city"], row["label_country"], float(row["label_lat"]), float(row["label_long"])) for row in rows
    }
    # Some labels were made from the city's name alone and name a namesake: leave out names that lie in two places.
    by_city: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for city, _, lat, lon in labels:
        by_city[city].append((lat, lon))
    one_place = {
        city
        for city, points in by_city.items()
        if np.max(geodesic_km(*np.array(points).T[:, :, None], *points[0])) < 100
    }
    sound = sorted(label for label in labels if label[0] in one_place)
    assert len(sound) > 1_400
    found = countries_at([label[2] for label in sound], [label[3] for label in sound])
    wrong = [
        label for label, accepted in zip(sound, found, strict=True) if names.country_code(label[1]) not in accepted
    ]
    assert len(wrong) / len(sound) <= 0.003, wrong


@pytest.mark.parametrize(("file", "lat", "lon"), [("im2gps3k/im2gps3k_places365.csv", "LAT", "LON")])
def test_photographs_lie_in_countries(shared_data: Path, file: str, lat: str, lon: str) -> None:
    with (shared_data / file).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = countries_at([float(row[lat]) for row in rows], [float(row[lon]) for row in rows])
    assert sum(not accepted for accepted in found) <= 0.001 * len(rows)


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
