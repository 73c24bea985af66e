from __future__ import annotations

import json
import os
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from globe_eval.errors import IncompleteRun, InputError
from globe_eval.places.gazetteer import Place
from globe_eval.places.online import ATTEMPTS, GEOCODERS, AzureMaps, Geocoder, Nominatim, query_text

KEY = "k3y-that-must-not-leak"
DAY_S = 86400.0


@dataclass
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw_path: str
    at: float


@dataclass
class Clock:
    """A clock that only moves when somebody sleeps."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


Answer = tuple[int, dict[str, str], str]


@dataclass
class Service:
    """A server on this machine: answers from the script while it lasts, then from `otherwise`; remembers requests."""

    clock: Clock
    script: list[Answer] = field(default_factory=list)
    otherwise: Callable[[Request], Answer] = lambda request: (500, {}, "no script")
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.script.pop(0) if self.script else self.otherwise(request)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Service(Clock())

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size)) if size else None
            split = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(split.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, split.path, params, headers, body, self.path, state.clock.now)
            status, extra, text = state.respond(request)
            payload = text.encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(payload)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "geocodes.sqlite"


@pytest.fixture
def nominatim(service: Service, cache: Path) -> Nominatim:
    agent = "globe-eval-tests (tests@example.org)"
    return Nominatim(agent, base_url=service.url, cache=cache, clock=service.clock, sleep=service.clock.sleep)


@pytest.fixture
def azure(service: Service, cache: Path, monkeypatch: pytest.MonkeyPatch) -> AzureMaps:
    monkeypatch.setenv("AZURE_MAPS_KEY", KEY)
    return AzureMaps(base_url=service.url, cache=cache, clock=service.clock, sleep=service.clock.sleep)


def ok(body: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(body)


# The documented example: https://nominatim.org/release-docs/latest/api/Output/, with JSONv2's two changes.
LONDON = {
    "place_id": 100149,
    "licence": "Data © OpenStreetMap contributors, ODbL 1.0. https://osm.org/copyright",
    "osm_type": "node",
    "osm_id": "107775",
    "boundingbox": ["51.3473219", "51.6673219", "-0.2876474", "0.0323526"],
    "lat": "51.5073219",
    "lon": "-0.1276474",
    "display_name": "London, Greater London, England, SW1A 2DU, United Kingdom",
    "category": "place",
    "type": "city",
    "place_rank": 16,
    "importance": 0.9654895765402,
    "address": {"city": "London", "state": "England", "country": "United Kingdom", "country_code": "gb"},
}


def feature(lon: float, lat: float, kind: str = "PopulatedPlace", **country: str) -> dict[str, Any]:
    """A feature as in Azure's specification, examples/2026-01-01/ForwardGeocodingByQuery.json."""
    point = {"type": "Point", "coordinates": [lon, lat]}
    address = {
        "countryRegion": country,
        "adminDistricts": [{"shortName": "WA"}, {"shortName": "King County"}],
        "formattedAddress": "Redmond, WA",
        "locality": "Redmond",
    }
    display = {"geometry": point, "calculationMethod": "Rooftop", "usageTypes": ["Display"]}
    return {
        "type": "Feature",
        "properties": {
            "address": address,
            "type": kind,
            "confidence": "High",
            "matchCodes": ["Good"],
            "geocodePoints": [display],
        },
        "geometry": point,
        "bbox": [lon - 1, lat - 1, lon + 1, lat + 1],
    }


def collection(*features: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def numbered(request: Request) -> Answer:
    """Azure for towns named by a number: town 7 lies at latitude 7, longitude 107, so that order can be checked."""

    def town(query: str) -> dict[str, Any]:
        number = int(query.split()[1])
        return feature(number / 10 + 100, number / 10, ISO="DE", name="Germany")

    if request.method == "GET":
        return ok(collection(town(request.params["query"])))
    items = [collection(town(item["query"])) for item in request.body["batchItems"]]
    return ok({"summary": {"successfulRequests": len(items), "totalRequests": len(items)}, "batchItems": items})


def towns(*numbers: int) -> list[tuple[str | None, str | None, str | None]]:
    return [(f"Town {number}", None, None) for number in numbers]


def test_nominatim_reads_its_documented_answer(service: Service, nominatim: Nominatim) -> None:
    service.script = [ok([LONDON])]
    places = nominatim.geocode([("London", "UK", "England")])
    assert places == [
        Place(51.5073219, -0.1276474, "GB", "city", None, "London, Greater London, England, SW1A 2DU, United Kingdom")
    ]
    (request,) = service.requests
    assert (request.method, request.path) == ("GET", "/search")
    language = {"accept-language": "en"}  # or the answer depends on the machine's locale
    assert request.params == language | {
        "q": "London, England, UK", "format": "jsonv2", "limit": "1", "addressdetails": "1",
    }  # fmt: skip
    assert request.headers["user-agent"] == "globe-eval-tests (tests@example.org)"


def test_nominatim_takes_the_first_of_several_and_remembers_that_there_is_none(
    service: Service, nominatim: Nominatim
) -> None:
    service.script = [ok([LONDON, {**LONDON, "lat": "42.98", "lon": "-81.24"}]), ok([])]
    first, none = nominatim.geocode([("London", None, None), ("Atlantis", None, None)])
    assert first is not None and first.lat == 51.5073219
    assert none is None
    assert nominatim.geocode([("Atlantis", None, None)]) == [None]
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("rank", "level"),
    [(4, "country"), (5, "admin"), (8, "admin"), (12, "admin"), (13, "city"), (16, "city"), (30, "city")],
)
def test_nominatim_level_is_the_rank(service: Service, nominatim: Nominatim, rank: int, level: str) -> None:
    service.script = [ok([{**LONDON, "place_rank": rank}])]
    (place,) = nominatim.geocode([("x y", None, None)])
    assert place is not None and place.level == level


def test_nominatim_gives_no_place_for_a_continent(service: Service, nominatim: Nominatim) -> None:
    service.script = [ok([{**LONDON, "place_rank": 2}])]
    assert nominatim.geocode([("Gondwana", None, None)]) == [None]


def test_nominatim_waits_a_second_between_requests(service: Service, nominatim: Nominatim) -> None:
    service.otherwise = lambda request: ok([LONDON])
    nominatim.geocode(towns(1, 2, 3))
    service.clock.now += 0.25
    nominatim.geocode(towns(4))
    service.clock.now += 60
    nominatim.geocode(towns(5))
    at = [request.at for request in service.requests]
    assert all(later - earlier >= 1 for earlier, later in pairwise(at))
    assert service.clock.slept == pytest.approx([1, 1, 0.75])


@pytest.mark.parametrize("agent", [None, "", "  ", "python-requests/2.32", "python-httpx/0.28"])
def test_nominatim_needs_a_user_agent(monkeypatch: pytest.MonkeyPatch, agent: str | None) -> None:
    monkeypatch.delenv("NOMINATIM_USER_AGENT", raising=False)
    with pytest.raises(InputError, match="NOMINATIM_USER_AGENT"):
        Nominatim(agent)


def test_nominatim_403_is_the_users_to_solve(service: Service, nominatim: Nominatim) -> None:
    service.script = [(403, {}, "blocked")]
    with pytest.raises(InputError, match=r"HTTP 403; see its usage policy"):
        nominatim.geocode(towns(1))
    assert len(service.requests) == 1


def test_azure_single_query(service: Service, azure: AzureMaps) -> None:
    service.script = [ok(collection(feature(-122.138681, 47.630358, ISO="US"), feature(1, 2, ISO="FR")))]
    (place,) = azure.geocode([("Redmond", "USA", "WA")])
    assert place == Place(47.630358, -122.138681, "US", "city", None, "Redmond, WA")
    (request,) = service.requests
    assert (request.method, request.path) == ("GET", "/geocode")
    assert request.params == {"api-version": "2026-01-01", "query": "Redmond, WA, USA", "top": "1"}
    assert request.headers["subscription-key"] == KEY


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("CountryRegion", "country"),
        ("AdminDivision1", "admin"),
        ("AdminDivision2", "admin"),
        ("PopulatedPlace", "city"),
        ("Neighborhood", "city"),
        ("Address", "city"),
    ],
)
def test_azure_level_is_the_type(service: Service, azure: AzureMaps, kind: str, level: str) -> None:
    service.script = [ok(collection(feature(1, 2, kind, ISO="FR")))]
    (place,) = azure.geocode(towns(1))
    assert place is not None and place.level == level


@pytest.mark.parametrize(("country", "code"), [({"name": "United States"}, "US"), ({"ISO": "xk"}, "XK"), ({}, "ZZ")])
def test_azure_country_without_iso(service: Service, azure: AzureMaps, country: dict[str, str], code: str) -> None:
    service.script = [ok(collection(feature(1, 2, **country)))]
    (place,) = azure.geocode(towns(1))
    assert place is not None and place.country_code == code


@pytest.mark.parametrize(("n", "sizes"), [(1, [0]), (2, [2]), (100, [100]), (101, [100, 0]), (250, [100, 100, 50])])
def test_azure_batches_of_a_hundred_in_order(service: Service, azure: AzureMaps, n: int, sizes: list[int]) -> None:
    service.otherwise = numbered
    places = azure.geocode(towns(*range(n)))
    assert [place and (place.lat, place.lon) for place in places] == [(i / 10, i / 10 + 100) for i in range(n)]
    assert [len(request.body["batchItems"]) if request.body else 0 for request in service.requests] == sizes
    for request in service.requests:
        assert request.params["api-version"] == "2026-01-01" and request.headers["subscription-key"] == KEY
        assert request.path == ("/geocode:batch" if request.method == "POST" else "/geocode")
        assert not request.body or all(item["top"] == 1 for item in request.body["batchItems"])


def test_azure_empty_and_found_in_one_batch(service: Service, azure: AzureMaps) -> None:
    items = [collection(), collection(feature(13.4, 52.5, ISO="DE"))]
    service.script = [ok({"summary": {"successfulRequests": 2, "totalRequests": 2}, "batchItems": items})]
    none, berlin = azure.geocode(towns(1, 2))
    assert none is None and berlin is not None and (berlin.lat, berlin.lon) == (52.5, 13.4)


def test_azure_item_error_is_not_no_such_place(service: Service, azure: AzureMaps) -> None:
    # The second item of the specification's ForwardGeocodingBatch.json.
    error = {"error": {"code": "Conflicting Parameters", "message": "When 'query' is present, only ..."}}
    items = [collection(feature(13.4, 52.5, ISO="DE")), error]
    service.script = [ok({"summary": {"successfulRequests": 1, "totalRequests": 2}, "batchItems": items})]
    with pytest.raises(IncompleteRun, match="'Town 2'"):
        azure.geocode(towns(1, 2))
    service.script = [ok(collection(feature(2, 1, ISO="DE")))]
    assert [place and place.lat for place in azure.geocode(towns(1, 2))] == [52.5, 1]
    assert service.requests[-1].params["query"] == "Town 2"  # the first was kept


@pytest.mark.parametrize("status", [401, 403])
def test_azure_refused_key(service: Service, azure: AzureMaps, status: int) -> None:
    service.script = [(status, {}, json.dumps({"error": {"code": str(status), "message": f"bad key {KEY}"}}))]
    with pytest.raises(InputError, match=f"HTTP {status}; check the key in AZURE_MAPS_KEY") as caught:
        azure.geocode(towns(1))
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_azure_needs_a_key_from_either_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_MAPS_KEY", " ")
    monkeypatch.delenv("AZURE_SUBSCRIPTION_KEY", raising=False)
    with pytest.raises(InputError, match="AZURE_MAPS_KEY"):
        AzureMaps()
    monkeypatch.setenv("AZURE_SUBSCRIPTION_KEY", KEY)
    assert KEY not in repr(AzureMaps())


@pytest.mark.parametrize("blemish", ["ключ", "a\nb", "a\x00b"])
def test_a_key_that_no_header_can_carry_is_not_printed(monkeypatch: pytest.MonkeyPatch, blemish: str) -> None:
    monkeypatch.setattr(os, "environ", {"AZURE_MAPS_KEY": KEY + blemish})
    with pytest.raises(InputError, match="azure: the subscription-key may only") as caught:
        AzureMaps()
    assert KEY not in str(caught.value)


def test_the_key_is_nowhere_but_in_the_header(service: Service, azure: AzureMaps, cache: Path) -> None:
    service.otherwise = numbered
    azure.geocode(towns(1, 2))
    azure.geocode(towns(3))
    assert all(KEY not in request.raw_path + json.dumps(request.body) for request in service.requests)
    assert KEY not in repr(azure) and KEY not in str(azure)
    assert all(KEY.encode() not in path.read_bytes() for path in cache.parent.iterdir())


BUSY = [429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", BUSY)
def test_a_busy_service_is_asked_again(service: Service, nominatim: Nominatim, status: int) -> None:
    service.script = [(status, {}, "busy"), (status, {}, "busy"), ok([LONDON])]
    (place,) = nominatim.geocode(towns(1))
    assert place is not None
    assert service.clock.slept == [1, 2]  # which leaves nothing of the pace to wait for


def test_retry_after_in_seconds(service: Service, azure: AzureMaps) -> None:
    service.script = [(429, {"Retry-After": "7"}, ""), ok(collection(feature(1, 2, ISO="FR")))]
    azure.geocode(towns(1))
    assert service.clock.slept == [7]


def test_retry_after_as_a_date(service: Service, azure: AzureMaps) -> None:
    date = format_datetime(datetime.fromtimestamp(service.clock.now + 42, UTC), usegmt=True)
    service.script = [(503, {"Retry-After": date}, ""), ok(collection(feature(1, 2, ISO="FR")))]
    azure.geocode(towns(1))
    assert service.clock.slept == [42]


@pytest.mark.parametrize("value", ["soon", "-3", ""])
def test_retry_after_that_says_nothing_backs_off_as_without(service: Service, azure: AzureMaps, value: str) -> None:
    service.script = [(503, {"Retry-After": value}, ""), ok(collection(feature(1, 2, ISO="FR")))]
    azure.geocode(towns(1))
    assert service.clock.slept == [1]


def test_a_service_that_asks_for_an_hour_ends_the_run(service: Service, nominatim: Nominatim) -> None:
    service.script = [(429, {"Retry-After": "3600"}, "")]
    with pytest.raises(IncompleteRun, match="3600 s"):
        nominatim.geocode(towns(1))
    assert service.clock.slept == [] and len(service.requests) == 1


def test_a_service_that_stays_busy_keeps_what_it_answered(service: Service, azure: AzureMaps) -> None:
    calls = iter([numbered])
    service.otherwise = lambda request: next(calls, lambda _: (503, {}, "down"))(request)
    with pytest.raises(IncompleteRun, match=f"HTTP 503 after {ATTEMPTS} attempts"):
        azure.geocode(towns(*range(150)))
    assert len(service.requests) == 1 + ATTEMPTS
    service.otherwise = numbered
    assert None not in azure.geocode(towns(*range(150)))
    assert len(service.requests) == 1 + ATTEMPTS + 1
    assert len(service.requests[-1].body["batchItems"]) == 50


def test_no_server_at_all(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clock = Clock()
    nowhere = Nominatim(
        "tests (t@example.org)", base_url="http://127.0.0.1:9", cache=cache, clock=clock, sleep=clock.sleep
    )
    with pytest.raises(IncompleteRun, match=r"Geocoder\w+ after 5 attempts"):
        nowhere.geocode(towns(1))
    assert clock.slept == [1, 2, 4, 8]


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        "",
        "{",
        "null",
        "{}",
        '[{"lat": "1", "lon": "2"}]',
        json.dumps([{**LONDON, "lat": "91"}]),
        json.dumps([{**LONDON, "lat": "nan"}]),
        json.dumps([{**LONDON, "lon": None}]),
    ],
)
def test_nominatim_malformed_answer_is_no_answer(service: Service, nominatim: Nominatim, text: str) -> None:
    service.script = [(200, {}, text), ok([LONDON])]
    with pytest.raises(IncompleteRun, match="'Town 1' is not in its documented form"):
        nominatim.geocode(towns(1))
    assert nominatim.geocode(towns(1))[0] is not None  # and was not cached


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        {},
        {"batchItems": [collection()]},
        {"batchItems": [collection(), {}]},
        {"batchItems": [collection(), {"features": [{"type": "Feature", "properties": {"type": "Address"}}]}]},
        {"batchItems": [collection(), collection(feature(47.6, -122.1, ISO="US"))]},  # latitude first
        {"batchItems": None},
    ],
)
def test_azure_malformed_answer_is_no_answer(service: Service, azure: AzureMaps, body: Any) -> None:
    service.script = [(200, {}, body if isinstance(body, str) else json.dumps(body))]
    with pytest.raises(IncompleteRun, match="documented form") as caught:
        azure.geocode(towns(1, 2))
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_redirect_is_not_followed_with_the_key(service: Service, azure: AzureMaps) -> None:
    service.script = [(302, {"Location": service.url + "/elsewhere"}, "")]
    with pytest.raises(InputError, match="HTTP 302"):
        azure.geocode(towns(1))
    assert len(service.requests) == 1


def test_a_known_query_asks_nobody(service: Service, nominatim: Nominatim, cache: Path) -> None:
    service.script = [ok([LONDON])]
    first = nominatim.geocode([("London", "UK", None), ("  London ", "UK", ""), ("London", "UK", None)])
    assert first[0] is not None and first == [first[0]] * 3
    again = Nominatim("other (o@example.org)", base_url=service.url, cache=cache)  # another process, the same file
    assert again.geocode([("London", "UK", None)]) == first[:1]
    assert len(service.requests) == 1


def test_the_cache_keeps_back_ends_versions_and_servers_apart(
    service: Service, nominatim: Nominatim, azure: AzureMaps, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.otherwise = lambda request: ok([LONDON]) if request.path == "/search" else numbered(request)
    nominatim.geocode(towns(1))
    azure.geocode(towns(1))
    other = Nominatim(
        "t (t@example.org)", base_url=service.url + "/mine", cache=cache, clock=service.clock, sleep=service.clock.sleep
    )
    service.otherwise = lambda request: numbered(request) if request.path == "/geocode" else ok([])
    assert other.geocode(towns(1)) == [None]
    monkeypatch.setattr(AzureMaps, "api_version", "2025-01-01")
    azure.geocode(towns(1))
    assert len(service.requests) == 4 and service.requests[-1].params["api-version"] == "2025-01-01"
    assert len({nominatim.version, other.version}) == 2


def test_azure_results_are_forgotten_after_half_a_year(
    service: Service, azure: AzureMaps, nominatim: Nominatim, cache: Path
) -> None:
    service.otherwise = lambda request: ok([LONDON]) if request.path == "/search" else numbered(request)
    azure.geocode(towns(1, 2))
    nominatim.geocode(towns(1))
    service.clock.now += 179 * DAY_S
    azure.geocode(towns(1))
    assert len(service.requests) == 2
    service.clock.now += 2 * DAY_S
    azure.geocode(towns(1))
    nominatim.geocode(towns(1))
    assert len(service.requests) == 3
    with closing(sqlite3.connect(cache)) as connection:  # the other expired one is gone, not only hidden
        rows = connection.execute("SELECT backend, query FROM geocodes ORDER BY backend").fetchall()
    assert rows == [("azure", "Town 1"), ("nominatim", "Town 1")]


@pytest.mark.parametrize(
    "query", [(None, None, None), ("", " ", ""), ("unknown", "n/a", None), ("rural area", None, "-")]
)
def test_what_names_no_place_is_not_asked(service: Service, nominatim: Nominatim, query: Any) -> None:
    assert nominatim.geocode([query]) == [None]
    assert service.requests == []


def test_no_queries(azure: AzureMaps, service: Service) -> None:
    assert azure.geocode([]) == [] and service.requests == []


def test_query_text_is_bounded_and_one_spelling() -> None:
    assert len(query_text(("x" * 10_000, None, None))) <= 200
    assert query_text(("Ｋｙｏｔｏ\u00a0 City", "Japan", None)) == "Kyoto City, Japan"


def test_an_unusable_cache_is_named(tmp_path: Path, service: Service) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, only a text that is long enough to be one" * 20)
    with pytest.raises(InputError, match=r"notes\.txt: cannot be used as the geocoding cache"):
        Nominatim("t (t@example.org)", base_url=service.url, cache=path).geocode(towns(1))


def test_only_nominatim_may_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_MAPS_KEY", KEY)
    monkeypatch.setenv("NOMINATIM_USER_AGENT", "tests (t@example.org)")
    made: dict[str, Geocoder] = {name: make() for name, make in GEOCODERS.items()}
    assert {name: geocoder.shareable for name, geocoder in made.items()} == {"nominatim": True, "azure": False}
    assert all(geocoder.name == name and geocoder.version and geocoder.attribution for name, geocoder in made.items())
