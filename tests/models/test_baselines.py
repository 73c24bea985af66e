from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from lm_eval.api.instance import Instance
from PIL import Image, ImageEnhance
from sklearn.neighbors import NearestNeighbors

from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models import baselines
from globe_eval.models.baselines import MODE_KM, Constant, Knn, features, gallery_features, lab, mode

PLACES = [("Paris", 48.85, 2.35), ("Versailles", 48.80, 2.13), ("Tokyo", 35.68, 139.69), ("Quito", -0.18, -78.47)]


def scene(seed: int) -> Image.Image:
    """A sky, a ground and some blocks: a different arrangement for each seed."""
    random = np.random.default_rng(seed)
    pixels = np.empty((96, 128, 3), dtype=np.uint8)
    horizon = random.integers(30, 70)
    pixels[:horizon], pixels[horizon:] = random.integers(0, 256, (2, 3))
    for _ in range(8):
        y, x = random.integers(0, 80, 2)
        pixels[y : y + random.integers(5, 40), x : x + random.integers(5, 40)] = random.integers(0, 256, 3)
    return Image.fromarray(pixels)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLOBE_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Twelve pictures, three of each place, ids `City-0` to `City-2`."""
    with (tmp_path / "gallery.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "image", "lat", "lon", "city", "country"])
        for i in range(12):
            city, lat, lon = PLACES[i % 4]
            scene(i).save(tmp_path / f"{i}.png")
            table.writerow([f"{city}-{i // 4}", f"{i}.png", lat, lon, city, "Somewhere"])
    return tmp_path / "gallery.csv"


def request(path: Path) -> Instance:
    return Instance("generate_until", {"id": path.stem}, ("Where?", {}, {"visual": [Photograph(path)]}), 0)


def ask(model: Any, *paths: Path) -> list[Any]:
    return model.generate_until([request(path) for path in paths])


def test_a_picture_of_the_gallery_is_nearest_to_itself_after_changes(gallery: Path, tmp_path: Path) -> None:
    model = Knn(gallery=gallery)
    for i in range(12):
        picture = scene(i).resize((320, 240))
        ImageEnhance.Brightness(picture).enhance(0.8).save(tmp_path / "asked.jpg", quality=60)
        (response,) = ask(model, tmp_path / "asked.jpg")
        city, lat, lon = PLACES[i % 4]
        assert "<think>" not in response, "a floor gives no reasoning"
        assert f"<answer>country: Somewhere\ncity: {city}\nlatitude: {lat}\nlongitude: {lon}</answer>" in response
        assert response.error is None


def test_neighbours_are_those_of_brute_force(gallery: Path) -> None:
    model = Knn(gallery=gallery, k=5)
    asked = features(scene(99))
    stored = np.stack([features(scene(i)) for i in range(12)])
    expected = np.argsort(((stored - asked) ** 2).sum(axis=1))[:5]
    assert model.neighbours(asked).tolist() == expected.tolist()
    sklearns = NearestNeighbors(n_neighbors=5).fit(stored).kneighbors(asked[None], return_distance=False)
    assert model.neighbours(asked).tolist() == sklearns[0].tolist()


def test_the_place_that_most_neighbours_share_answers(gallery: Path, tmp_path: Path) -> None:
    """All twelve vote: Paris and Versailles together have six of them within MODE_KM, and a Tokyo picture loses."""
    scene(2).save(tmp_path / "tokyo.png")
    (one,), (twelve,) = (ask(Knn(gallery=gallery, k=k), tmp_path / "tokyo.png") for k in (1, 12))
    assert "city: Tokyo" in one
    assert "city: Paris" in twelve or "city: Versailles" in twelve


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.floats(-60, 60)))
def test_mode_has_no_denser_rival_and_is_the_first_of_its_peers(points: np.ndarray) -> None:
    from geographiclib.geodesic import Geodesic

    def neighbours(i: int) -> int:
        return sum(Geodesic.WGS84.Inverse(*points[i], *other)["s12"] <= MODE_KM * 1000 for other in points)

    counts = [neighbours(i) for i in range(len(points))]
    assert mode(points) == counts.index(max(counts))


def test_features_are_three_blocks_of_norm_one() -> None:
    seen = features(scene(0))
    assert seen.shape == (768 + 784 + 128,)
    assert seen.dtype == np.float32
    for block in np.split(seen, [768, 768 + 784]):
        assert np.linalg.norm(block) == pytest.approx(1, abs=1e-6)


def test_colour_histogram_counts_every_pixel_of_the_whole_gamut() -> None:
    corners = [Image.new("RGB", (32, 32), (r, g, b)) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    for picture in corners:
        assert np.square(features(picture)[768 : 768 + 784]).sum() == pytest.approx(1)


def test_gradients_turn_with_the_picture() -> None:
    """Stripes across and stripes along fall into orientation bins a quarter turn (4 of 8 bins) apart."""
    stripes = np.tile(np.repeat(np.array([[0, 255]], dtype=np.uint8), 16, axis=1), (128, 4))
    along, across = (features(Image.fromarray(p).convert("RGB"))[-128:].reshape(16, 8) for p in (stripes, stripes.T))
    assert along.sum(axis=0).argmax() == 0
    assert across.sum(axis=0).argmax() == 4


@pytest.mark.parametrize(  # CIE L*a*b* under D65, Lindbloom's calculator
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((128, 128, 128), (53.59, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    assert lab(Image.new("RGB", (1, 1), rgb))[0, 0] == pytest.approx(expected, abs=0.03)


def test_an_undecodable_picture_is_an_error_of_its_own(gallery: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    scene(0).save(tmp_path / "good.png")
    bad, good = ask(Knn(gallery=gallery), broken, tmp_path / "good.png")
    assert bad == ""
    assert bad.error.startswith("broken.jpg: ")
    assert good.error is None
    assert "city: Paris" in good


def test_features_of_a_gallery_are_computed_once_and_anew_where_a_picture_changed(
    gallery: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def counted(path: Path) -> Photograph:
        decoded.append(path.name)
        return Photograph(path)

    pictures = [gallery.parent / f"{i}.png" for i in range(12)]
    monkeypatch.setattr(baselines, "Photograph", counted)
    first = gallery_features(pictures)
    assert len(decoded) == 12 and np.array_equal(first, np.stack([features(scene(i)) for i in range(12)]))
    again = gallery_features(pictures)
    assert len(decoded) == 12 and again.dtype == np.float32 and np.array_equal(again, first)
    assert np.array_equal(gallery_features(pictures[::-1]), first[::-1]), "the order is the gallery's"
    scene(12).save(pictures[3])
    assert np.array_equal(gallery_features(pictures)[3], features(scene(12)))
    decoded.clear()
    for kept in cache.iterdir():
        kept.write_bytes(kept.read_bytes()[:-100])
    assert np.array_equal(gallery_features(pictures)[:3], first[:3]) and len(decoded) == 12


def test_where_nothing_can_be_kept_they_are_computed_each_time(gallery: Path, cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    assert gallery_features([gallery.parent / "1.png"]).shape == (1, 1680)


@pytest.mark.parametrize("k", [0, 13, 2.5, "three"])
def test_k_beyond_the_gallery_is_refused(gallery: Path, k: Any) -> None:
    with pytest.raises(InputError, match=r"allowed: 1 to 12, the size of the gallery"):
        Knn(gallery=gallery, k=k)


def test_a_broken_picture_in_the_gallery_is_named(gallery: Path) -> None:
    (gallery.parent / "3.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"gallery: 3\.png: "):
        Knn(gallery=gallery)


def test_the_constant_answer_serves_every_answer_form() -> None:
    parse = pytest.importorskip("globe_eval.answers").parse
    first, second = Constant().generate_until([None, None])
    answer = parse(first)
    assert first == second
    assert (answer.country, answer.city, answer.lat, answer.lon) == ("United States", "New York", 40.7128, -74.006)


def test_the_constant_answer_can_be_chosen() -> None:
    def said(**arguments: Any) -> str:
        return str(Constant.create_from_arg_obj(arguments).generate_until([None])[0])

    assert said(text="I cannot tell.") == "I cannot tell."
    assert said(text=1.5) == "1.5"
    assert said(text="") == ""
    assert said(city="Nairobi", country="Kenya") == "<answer>country: Kenya\ncity: Nairobi</answer>"
    assert said(lat="-1.29", lon=36.8) == "<answer>latitude: -1.29\nlongitude: 36.8</answer>"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"lat": 91, "lon": 0}, "lat=91; allowed: degrees from -90 to 90"),
        ({"lat": 1, "lon": "east"}, "lon='east'; allowed: degrees from -180 to 180"),
        ({"lat": float("nan"), "lon": 1}, "lat=nan; allowed"),
        ({"lat": 1}, "lat=1, lon=None; give both or none"),
        ({"town": "Rome"}, "no argument 'town'"),
    ],
)
def test_constants_that_make_no_sense_are_refused(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Constant.create_from_arg_obj(arguments)
    assert expected in str(caught.value)
