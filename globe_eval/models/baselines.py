"""Baselines: a constant answer for every photograph, and the nearest neighbour in a gallery (kNN)."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from lm_eval.api.instance import Instance
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from globe_eval.benchmarks import images
from globe_eval.benchmarks.images import ImageError, Photograph
from globe_eval.benchmarks.manifest import read_manifest
from globe_eval.errors import InputError
from globe_eval.files import cache_folder, write_whole
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel, answer_text
from globe_eval.places.distance import geodesic_km

MODE_KM = 200.0
"""Neighbours within this distance of each other speak for the same place: GLOBE's "region"."""


class Constant(SimpleModel):
    """Gives every photograph the same answer; what a benchmark's own imbalance is worth.

    By default New York City, which more of Flickr's geotagged photographs show than any other city (Crandall et al.,
    "Mapping the world's photos", WWW 2009): the best guess of somebody who has seen nothing.

    Args:
        text: the whole response, in place of everything else.
        lat, lon: degrees.
        city, country: names.

    Raises InputError for a latitude or longitude that is no number, out of range, or without the other.
    """

    name = "constant"

    def __init__(
        self,
        text: str | None = None,
        lat: float | None = None,
        lon: float | None = None,
        city: str | None = None,
        country: str | None = None,
    ) -> None:
        super().__init__()
        if text is None and lat is None and lon is None and city is None and country is None:
            city, country, lat, lon = "New York", "United States", 40.7128, -74.0060
        if (lat is None) != (lon is None):
            raise InputError(f"model 'constant': lat={lat}, lon={lon}; give both or none")
        point = None if lat is None or lon is None else (_degrees("lat", lat, 90), _degrees("lon", lon, 180))
        self.text = answer_text(city=city, country=country, point=point) if text is None else str(text)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """The same response for each request."""
        return [Response(self.text) for _ in requests]


class Knn(SimpleModel):
    """Answers with the place of the most similar photograph of a gallery, as IM2GPS did.

    Hays and Efros, "IM2GPS: estimating geographic information from a single image", CVPR 2008, with three of their
    features (see `features`) and a gallery of any size.

    Args:
        k: how many neighbours are asked. With one, the nearest answers; with more, the one that has most of the others
            within MODE_KM of it (the nearest of those, where several have), their mode on the map.
        gallery: a manifest (see `read_manifest`), by default miniworld's training pictures, which are drawn on first
            use into $GLOBE_EVAL_CACHE (default ~/.cache/globe-eval). It must hold none of the photographs asked about.
        images: the folder of the gallery's pictures, by default the manifest's.

    Raises InputError for a gallery that cannot be read or holds fewer than k pictures.
    """

    name = "knn"

    def __init__(self, k: int = 1, gallery: str | Path | None = None, images: str | Path | None = None) -> None:
        from globe_eval import miniworld

        super().__init__()
        manifest = read_manifest(
            Path(str(gallery)).expanduser() if gallery is not None else miniworld.prepare("train"),
            images=None if images is None else Path(str(images)),
        )
        self.rows = manifest.rows
        if not (isinstance(k, int) and 1 <= k <= len(self.rows)):
            raise InputError(f"model 'knn': k={k!r}; allowed: 1 to {len(self.rows):,}, the size of the gallery")
        seen = gallery_features([manifest.images / row["image"] for row in self.rows])
        self.places = np.array([(row["lat"], row["lon"]) for row in self.rows], dtype=np.float64)
        self.k, self.seen = k, seen

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order; a picture that cannot be decoded is an error of its own."""
        return [self._answer(request) for request in requests]

    def neighbours(self, asked: NDArray[np.float32]) -> NDArray[np.intp]:
        """Rows of the gallery whose features are the k nearest, shape (k,), nearest first; of equals the first ones."""
        squares = np.square(self.seen - asked).sum(axis=1, dtype=np.float64)
        return np.argsort(squares, kind="stable")[: self.k]

    def _answer(self, request: Instance) -> Response:
        (photograph,) = request.args[2]["visual"]
        try:
            asked = features(photograph)
        except (OSError, ValueError) as error:  # ValueError: ImageError; other tasks bring plain images
            return Response("", error=str(error))
        neighbours = self.neighbours(asked)
        chosen = self.rows[neighbours[mode(self.places[neighbours])]]
        return Response(
            answer_text(country=chosen["country"], city=chosen["city"], point=(chosen["lat"], chosen["lon"]))
        )


def gallery_features(pictures: Sequence[Path]) -> NDArray[np.float32]:
    """`features` of the pictures of a gallery, shape (n, 1680); computed once, and kept in `cache_folder()`.

    They are found again by what they depend on: the bytes of every picture, in this order, the code that computes them
    and the versions of what it calls.

    Raises InputError for a picture that cannot be decoded.
    """
    digest = hashlib.sha256(f"{np.__version__} {PIL.__version__}".encode())
    for module in (sys.modules[__name__], images):
        digest.update(inspect.getsource(module).encode())
    for picture in pictures:
        digest.update(hashlib.sha256(picture.read_bytes()).digest())
    kept = cache_folder() / f"knn-{digest.hexdigest()}.npy"
    with contextlib.suppress(OSError, ValueError):  # absent, or no longer whole
        seen: NDArray[np.float32] = np.load(kept)
        return seen
    try:
        named = tqdm(pictures, "knn: features of the gallery", leave=False, delay=1, disable=None)
        seen = np.stack([features(Photograph(picture)) for picture in named])
    except ImageError as error:
        raise InputError(f"model 'knn', gallery: {error}") from None
    data = io.BytesIO()
    np.save(data, seen)
    with contextlib.suppress(OSError):  # no room, or no right to write there: they are computed each time
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, data.getvalue(), sync=False)
    return seen


def mode(points: NDArray[np.float64]) -> int:
    """The index of the point with most other points within MODE_KM; of equals the first.

    `points` are latitudes and longitudes in degrees, shape (k, 2), the nearest neighbour first.

    >>> mode(np.array([[40.7, -74.0], [48.85, 2.35], [51.5, -0.12], [48.80, 2.13]]))
    1
    """
    lat, lon = points.T
    near = geodesic_km(lat[:, None], lon[:, None], lat, lon) <= MODE_KM
    return int(np.argmax(near.sum(axis=1)))


def features(image: Image.Image) -> NDArray[np.float32]:
    """The feature vector of a picture for kNN, shape (1680,): three blocks, each of norm 1.

    - tiny image: 16 x 16 pixels in L*a*b*, mean 0;
    - colour histogram: 4 x 14 x 14 bins of L*a*b* (both as in IM2GPS, section 3);
    - gradients: 8 orientations in each of 4 x 4 cells, weighted by their strength (Dalal and Triggs, CVPR 2005), for
      IM2GPS's gist and textons.

    The square root of a histogram is taken, so that Euclidean distance compares it as Hellinger's does.
    """
    small = lab(image.convert("RGB").resize((128, 128), Image.Resampling.BOX))
    tiny = small.reshape(16, 8, 16, 8, 3).mean(axis=(1, 3))
    tiny -= tiny.mean(axis=(0, 1))

    low, width, count = np.array([0, -112, -112]), np.array([25, 16, 16]), (4, 14, 14)
    shade = np.clip((small.reshape(-1, 3) - low) // width, 0, np.array(count) - 1).astype(int)
    colours = np.bincount(np.ravel_multi_index(tuple(shade.T), count), minlength=4 * 14 * 14)

    down, right = np.gradient(small[..., 0])
    orientation = np.floor(np.arctan2(down, right) / np.pi * 8).astype(int) % 8
    cell = np.arange(128) // 32
    bins = (cell[:, None] * 4 + cell) * 8 + orientation
    gradients = np.bincount(bins.ravel(), np.hypot(down, right).ravel(), minlength=128)

    blocks = (tiny.ravel(), np.sqrt(colours).ravel(), np.sqrt(gradients))
    return np.concatenate([block / (np.linalg.norm(block) or 1.0) for block in blocks]).astype(np.float32)


def lab(image: Image.Image) -> NDArray[np.float64]:
    """CIE L*a*b* (D65) of an sRGB image, shape (height, width, 3); L* in 0 to 100 (IEC 61966-2-1, CIE 15)."""
    srgb = np.asarray(image, dtype=np.float64) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.moveaxis(linear @ to_xyz.T / to_xyz.sum(axis=1), -1, 0)
    fx, fy, fz = (np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29) for t in (x, y, z))
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)


def _degrees(name: str, value: Any, limit: float) -> float:
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        degrees = float("nan")
    if not -limit <= degrees <= limit:
        raise InputError(f"model 'constant': {name}={value!r}; allowed: degrees from {-limit} to {limit}")
    return degrees
