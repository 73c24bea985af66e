"""Optional online geocoders, for comparison with tables that used one: Nominatim and Azure Maps.

The default geocoder is the embedded gazetteer (`resolve`): offline, versioned, the same tomorrow. These answer the same
queries in the same form, each distinct query once, kept in a local SQLite cache under (back end, version, query).
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from globe_eval.errors import IncompleteRun, InputError
from globe_eval.files import cache_folder
from globe_eval.places import names
from globe_eval.places.gazetteer import Level, Place
from globe_eval.places.words import is_unknown

if TYPE_CHECKING:
    import httpx

Query: TypeAlias = tuple[str | None, str | None, str | None]
"""(city, country, admin), as for `resolve.resolve_many`."""

ATTEMPTS = 5
MAX_WAIT_S = 300.0
UNKNOWN_COUNTRY = "ZZ"
"""CLDR's code for an unknown region: the service gave a point, and no country that we know."""

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


def query_text(query: Query) -> str:
    """What a service is asked, and the cache's key: finest part first, parts that name no place left out.

    >>> [query_text(q) for q in (("Springfield ", "USA", "Illinois"), ("unknown", "Japan", None), ("", None, "n/a"))]
    ['Springfield, Illinois, USA', 'Japan', '']
    """
    city, country, admin = query
    parts = (" ".join(unicodedata.normalize("NFKC", part or "").split()) for part in (city, admin, country))
    return ", ".join(part for part in parts if not is_unknown(names.normalise(part)))[: names.MAX_LENGTH]


@dataclass(frozen=True)
class _Failure(Exception):
    """A request that brought no answer: what happened, the HTTP status if there was one, its Retry-After."""

    trouble: str
    status: int | None = None
    retry_after: str | None = None


class Geocoder:
    """What turns place names into places: cache, pace and retries; a back end adds how to ask and to read the answer.

    `name` and `version` identify the answers in a result; `shareable` says whether the terms of the service allow
    them to leave this machine. A caller must not write a place of a back end that is not shareable into a result.
    """

    name: ClassVar[str]
    shareable: ClassVar[bool]
    attribution: ClassVar[str]
    batch: ClassVar[int]
    interval_s: ClassVar[float]
    max_age_s: ClassVar[float] = float("inf")
    advice: ClassVar[Mapping[str, str]]
    """Trouble, as "HTTP 403" -> what to do about it, after the status."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        cache: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        for header, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                raise InputError(f"{self.name}: the {header} may only have printable ASCII characters")
        self.base_url = base_url.rstrip("/")
        self._headers = headers
        self._cache = cache or cache_folder() / "geocodes.sqlite"  # of one user, never to be shared
        self._clock, self._sleep = clock, sleep
        self._last = -float("inf")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    @property
    def version(self) -> str:
        """What else the answers depend on: the version of the interface, or the server."""
        raise NotImplementedError

    def geocode(self, queries: Sequence[Query]) -> list[Place | None]:
        """One place or None for each (city, country, admin); level "country" and "admin" at the service's own point.

        Raises:
            InputError: the service refuses the request (key, User-Agent, address).
            IncompleteRun: it does not answer, or not in its documented form; what it did answer is in the cache.
        """
        texts = [query_text(query) for query in queries]
        found = self._read(dict.fromkeys(text for text in texts if text))
        missing = [text for text in dict.fromkeys(texts) if text and text not in found]
        for start in range(0, len(missing), self.batch):
            chunk = missing[start : start + self.batch]
            try:
                answers = self._ask(chunk)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise IncompleteRun(
                    f"{self.name}: the answer to {chunk[0]!r} is not in its documented form ({type(error).__name__})"
                ) from None
            self._write(answers)
            found.update(answers)
            failed = [text for text in chunk if text not in answers]
            if failed:
                raise IncompleteRun(f"{self.name}: the service failed on {len(failed)} queries, first {failed[0]!r}")
        return [found[text] if text else None for text in texts]

    def _ask(self, texts: list[str]) -> dict[str, Place | None]:
        """The service's answers; a query that the service itself failed on is left out."""
        raise NotImplementedError

    def _send(self, request: Callable[[], Any]) -> Any:
        """What a request returns, repeated with back-off while it raises that the service is busy or out of reach."""
        for attempt in range(ATTEMPTS):
            self._pace()
            wait = 2.0**attempt
            try:
                return request()
            except _Failure as failure:
                if failure.status is not None and failure.status not in _AGAIN:
                    advice = self.advice.get(failure.trouble, "")
                    raise InputError(f"{self.name}: {self.base_url} answered {failure.trouble}{advice}") from None
                trouble, wait = failure.trouble, max(wait, self._retry_after(failure.retry_after))
            if wait > MAX_WAIT_S:
                raise IncompleteRun(f"{self.name}: {trouble}, asks to wait {wait:.0f} s; run again later")
            if attempt < ATTEMPTS - 1:
                self._sleep(wait)
        raise IncompleteRun(f"{self.name}: {trouble} after {ATTEMPTS} attempts at {self.base_url}; run again later")

    def _pace(self) -> None:
        """Wait until the last request is `interval_s` old."""
        wait = self._last + self.interval_s - self._clock()
        if wait > 0:
            self._sleep(min(wait, self.interval_s))
        self._last = self._clock()

    def _retry_after(self, value: str | None) -> float:
        """Seconds that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks for; 0 without one."""
        if not value:
            return 0.0
        if value.strip().isdigit():
            return float(value)
        try:
            return parsedate_to_datetime(value).timestamp() - self._clock()
        except ValueError:
            return 0.0

    def _open(self) -> sqlite3.Connection:
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._cache, timeout=30.0)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS geocodes (backend TEXT, version TEXT, query TEXT, fetched REAL, place TEXT,"
                " PRIMARY KEY (backend, version, query)) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{self._cache}: cannot be used as the geocoding cache ({error})") from None
        return connection

    def _read(self, texts: Iterable[str]) -> dict[str, Place | None]:
        with closing(self._open()) as connection, connection:
            oldest = self._clock() - self.max_age_s
            connection.execute("DELETE FROM geocodes WHERE backend = ? AND fetched < ?", (self.name, oldest))
            found: dict[str, Place | None] = {}
            for text in texts:
                key = (self.name, self.version, text)
                row = connection.execute(
                    "SELECT place FROM geocodes WHERE backend = ? AND version = ? AND query = ?", key
                ).fetchone()
                if row:
                    place = json.loads(row[0])
                    found[text] = Place(**place) if place else None
        return found

    def _write(self, answers: Mapping[str, Place | None]) -> None:
        now = self._clock()
        rows = [
            (self.name, self.version, text, now, json.dumps(asdict(place) if place else None, ensure_ascii=False))
            for text, place in answers.items()
        ]
        with closing(self._open()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO geocodes VALUES (?, ?, ?, ?, ?)", rows)


class Nominatim(Geocoder):
    """OpenStreetMap's geocoder (https://nominatim.org/release-docs/latest/api/Search/) through geopy, or your server.

    The public server allows one request a second and no bulk use; it wants a User-Agent that names your application
    and a contact (https://operations.osmfoundation.org/policies/nominatim/). From the argument or NOMINATIM_USER_AGENT.
    """

    name = "nominatim"
    shareable = True
    attribution = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
    batch = 1
    interval_s = 1.0
    advice: ClassVar = {"HTTP 403": "; see its usage policy, and name yourself in NOMINATIM_USER_AGENT"}

    def __init__(
        self, user_agent: str | None = None, *, base_url: str = "https://nominatim.openstreetmap.org", **others: Any
    ) -> None:
        try:
            from geopy.adapters import URLLibAdapter
            from geopy.geocoders import Nominatim as Client
        except ImportError:
            raise InputError("nominatim: geopy is not installed; pip install 'globe-eval[geocode]'") from None

        user_agent = (user_agent or os.environ.get("NOMINATIM_USER_AGENT", "")).strip()
        if not user_agent or user_agent.lower().startswith(("python-", "httpx")):
            raise InputError(
                f"nominatim: User-Agent {user_agent!r} names no application; set NOMINATIM_USER_AGENT to yours and a"
                " contact, such as 'my-study (me@example.org)'"
            )
        super().__init__(base_url, {"User-Agent": user_agent}, **others)

        class Ranked(Client):  # type: ignore[misc]
            """geopy's client, asking for the answer format that has a place's rank."""

            def _construct_url(self, base_api: str, params: dict[str, Any]) -> str:
                url: str = super()._construct_url(base_api, {**params, "format": "jsonv2"})
                return url

            def _parse_json(self, places: Any, exactly_one: bool) -> Any:
                if not isinstance(places, list):
                    raise TypeError("not an array of places")  # geopy takes it for "no such place"
                return super()._parse_json(places, exactly_one)

        scheme, _, domain = self.base_url.partition("://")
        # geopy's other adapter waits for the service by itself, and as long as that says
        self._client = Ranked(
            scheme=scheme, domain=domain, user_agent=user_agent, timeout=65, adapter_factory=URLLibAdapter
        )

    @property
    def version(self) -> str:
        """The answer format and the server: each has its own data."""
        return f"jsonv2 {self.base_url}"

    def _ask(self, texts: list[str]) -> dict[str, Place | None]:
        (text,) = texts
        found = self._send(lambda: self._locate(text))
        return {text: self._place(found.raw) if found is not None else None}

    def _locate(self, text: str) -> Any:
        from geopy.exc import GeocoderParseError, GeocoderServiceError

        try:
            return self._client.geocode(text, addressdetails=True, language="en")
        except GeocoderParseError as error:
            raise ValueError(str(error)) from None
        except GeocoderServiceError as error:
            status = getattr(error.__cause__, "status_code", None)
            headers = getattr(error.__cause__, "headers", None) or {}
            trouble = f"HTTP {status}" if status else type(error).__name__
            raise _Failure(trouble, status, headers.get("retry-after")) from None

    @staticmethod
    def _place(row: Mapping[str, Any]) -> Place | None:
        # https://nominatim.org/release-docs/latest/customize/Ranking/: up to 3 oceans and continents, 4 countries,
        # 5 to 12 states and counties, above that cities and what lies in them.
        rank = int(row["place_rank"])
        if rank < 4:
            return None
        level: Level = "country" if rank == 4 else "admin" if rank <= 12 else "city"
        code = row.get("address", {}).get("country_code")
        return _place(float(row["lat"]), float(row["lon"]), code, level, row["display_name"])


class AzureMaps(Geocoder):
    """Azure Maps' Get Geocoding and Get Geocoding Batch, 2026-01-01 (https://learn.microsoft.com/rest/api/maps/search).

    A client of our own, since geopy's still asks the superseded Search v1.0, which may put a name elsewhere.

    The key comes from AZURE_MAPS_KEY or AZURE_SUBSCRIPTION_KEY and travels in a header, never in an address. The terms
    allow keeping results for six months and not passing them on: `shareable` is False, and the cache forgets.
    """

    name = "azure"
    shareable = False
    attribution = "Microsoft Azure Maps"
    batch = 100
    interval_s = 0.1  # ten batches a second are allowed
    max_age_s = 180 * 86400.0
    api_version: ClassVar[str] = "2026-01-01"
    advice: ClassVar = dict.fromkeys(("HTTP 401", "HTTP 403"), "; check the key in AZURE_MAPS_KEY")

    def __init__(self, *, base_url: str = "https://atlas.microsoft.com", **others: Any) -> None:
        keys = (os.environ.get(name, "").strip() for name in ("AZURE_MAPS_KEY", "AZURE_SUBSCRIPTION_KEY"))
        key = next(filter(None, keys), None)
        if key is None:
            raise InputError("azure: no key; set AZURE_MAPS_KEY to the primary key of your Azure Maps account")
        super().__init__(base_url, {"Accept-Language": "en", "subscription-key": key}, **others)
        self._client: httpx.Client | None = None

    @property
    def version(self) -> str:
        """The version of the interface: an older one may put the same name elsewhere."""
        return self.api_version

    def _ask(self, texts: list[str]) -> dict[str, Place | None]:
        version = {"api-version": self.api_version}
        if len(texts) == 1:
            items = [self._send(lambda: self._http("GET", "/geocode", {**version, "query": texts[0], "top": "1"}))]
        else:
            body = {"batchItems": [{"query": text, "top": 1} for text in texts]}
            items = self._send(lambda: self._http("POST", "/geocode:batch", version, body))["batchItems"]
        # The service keeps the order; an item of its own error is no answer, least of all "no such place".
        return {
            text: self._place(item["features"][0]) if item["features"] else None
            for text, item in zip(texts, items, strict=True)
            if not item.get("error")
        }

    def _http(self, method: str, path: str, params: Mapping[str, str], body: Any = None) -> Any:
        import httpx

        if self._client is None:
            self._client = httpx.Client(headers=self._headers, timeout=65.0)
        try:
            response = self._client.request(method, self.base_url + path, params=params, json=body)
        except httpx.TransportError as error:
            raise _Failure(type(error).__name__) from None
        if response.status_code != 200:
            raise _Failure(f"HTTP {response.status_code}", response.status_code, response.headers.get("Retry-After"))
        return response.json()

    @staticmethod
    def _place(feature: Mapping[str, Any]) -> Place:
        properties = feature["properties"]
        address = properties.get("address", {})
        country = address.get("countryRegion", {})
        lon, lat = feature["geometry"]["coordinates"][:2]
        kind = properties["type"]
        level: Level = "country" if kind == "CountryRegion" else "admin" if kind.startswith("AdminDivision") else "city"
        # The documentation's own examples leave ISO out, and give the English name.
        code = country.get("ISO") or names.country_code(country.get("name"))
        return _place(float(lat), float(lon), code, level, address.get("formattedAddress", ""))


GEOCODERS: Mapping[str, Callable[[], Geocoder]] = {"nominatim": Nominatim, "azure": AzureMaps}
"""The online back ends by the name that `--geocoder` takes; each reads its settings from the environment."""


def _place(lat: float, lon: float, code: str | None, level: Level, name: str) -> Place:
    if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
        raise ValueError("coordinates out of range")
    return Place(lat, lon, (code or UNKNOWN_COUNTRY).upper(), level, None, name)
