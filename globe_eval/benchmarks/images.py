"""Photographs as models see them: upright pixels without any metadata.

A benchmark of 12,000 pictures fits in memory only as paths, so a :class:`Photograph` holds its path and decodes anew at
each use. Two ways lead out of it, and both show the same picture:

- as bytes, to endpoints: :meth:`Photograph.clean_bytes`, the file without its metadata and otherwise untouched;
- as pixels, to back ends in this process (``hf-multimodal``, ``vllm-vlm``): what those bytes decode to, as 8-bit RGB
  with transparency laid over white.

The bytes are encoded again only where the file would not arrive as that picture: an EXIF orientation other than 1
(metadata, so it is cut), a picture larger than the run allows, CMYK JPEG, 16-bit grey, animated WebP, transparency
other than RGBA (decoders disagree about it), formats that servers do not take (GIF, BMP, TIFF, PPM, JPEG 2000, AVIF,
HEIC), and JPEG, PNG or WebP bytes too irregular to be cut but good enough for Pillow. HEIC needs pillow-heif.

What was a JPEG, HEIC or AVIF becomes a JPEG, of quality 95 without chroma subsampling; everything else becomes a PNG
and loses nothing (docs/numbers.md has what that costs).
"""

from __future__ import annotations

import functools
import hashlib
import io
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError, features

from globe_eval import lazy_re as re
from globe_eval.benchmarks import metadata
from globe_eval.benchmarks.metadata import MalformedImage, SplitFile
from globe_eval.errors import InputError, reason_of

# Named one by one: Pillow's other plugins start programs (EPS) or read what no camera writes.
_AVIF = ("AVIF",) if features.check("avif") else ()
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", *_AVIF)
_LOSSY = ("JPEG", "MPO", "HEIF", "AVIF")
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
SUFFIXES = HEIC_SUFFIXES | {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".ppm", ".avif"}
"""Of files that are taken for pictures, in small letters."""
NEEDS_PILLOW_HEIF = "HEIC pictures need pillow-heif (pip install 'globe-eval[heic]')"
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112
_TURN = Image.Transpose
_UPRIGHT = {
    **{2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM, 5: _TURN.TRANSPOSE},
    **{6: _TURN.ROTATE_270, 7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_90},
}
_PNG_ORIENTED = re.compile(rb"eXIf|Raw profile type|XML:com\.adobe\.xmp")
_SPLIT = {
    "JPEG": (metadata.split_jpeg, "image/jpeg", frozenset({"L", "RGB"})),
    "MPO": (metadata.split_jpeg, "image/jpeg", frozenset({"L", "RGB"})),
    "PNG": (metadata.split_png, "image/png", frozenset({"1", "L", "P", "RGB", "RGBA"})),
    "WEBP": (metadata.split_webp, "image/webp", frozenset({"RGB", "RGBA"})),
}


class ImageError(ValueError):
    """One picture that cannot be shown to a model: one line that names the file and the reason."""


class Bounds(NamedTuple):
    """How large a picture may be, and of which kind; None is no bound. Larger ones are scaled down, none up."""

    max_pixels: int | None = None
    max_side: int | None = None
    max_bytes: int | None = None
    """Of the bytes that are sent: larger ones are encoded again, with more loss, then with fewer pixels."""
    kinds: tuple[str, ...] | None = None
    """MIME types that may be sent, of image/jpeg, image/png and image/webp; others are encoded again."""

    def fit(self, size: tuple[int, int]) -> tuple[int, int]:
        """The largest size within the bounds that keeps the shape, at least 1 x 1.

        >>> Bounds(max_side=512).fit((4000, 3000)), Bounds(max_pixels=10_000).fit((400, 100)), Bounds().fit((9, 9))
        ((512, 384), (200, 50), (9, 9))
        """
        width, height = size
        scale = min(
            1.0,
            self.max_side / max(size) if self.max_side else 1.0,
            math.sqrt(self.max_pixels / (width * height)) if self.max_pixels else 1.0,
        )
        if scale == 1.0:
            return size
        # Down, so that the area stays within the bound; 512 / 4000 * 4000 may be a hair below 512.
        width, height = (max(1, math.floor(side * scale + 1e-9)) for side in size)
        if self.max_pixels and width * height > self.max_pixels:  # a strip so narrow that one side is 1
            width, height = min(width, self.max_pixels), min(height, self.max_pixels)
        return width, height


UNBOUNDED = Bounds()


def sent_bounds(picture_format: Any = None, max_bytes: Any = None) -> Bounds:
    """The bounds on what an endpoint is sent. Raises InputError for values that are none.

    >>> sent_bounds("png", 100_000).kinds
    ('image/png',)
    """
    if picture_format not in (None, "jpeg", "png"):
        raise InputError(f"endpoint: picture_format={picture_format!r}; allowed: jpeg, png")
    if max_bytes is not None and not (type(max_bytes) is int and max_bytes >= 1000):
        raise InputError(f"endpoint: max_bytes={max_bytes!r}; allowed: whole numbers from 1000")
    return Bounds(max_bytes=max_bytes, kinds=(f"image/{picture_format}",) if picture_format else None)


def decode(data: bytes, name: str, bounds: Bounds = UNBOUNDED) -> Image.Image:
    """The picture in the bytes of a file as models see it: 8-bit RGB, upright, within bounds, with an empty ``info``.

    `name` is what errors call it.

    Raises ImageError: not an image, truncated, too many pixels, or of a kind that has no 8-bit RGB form.
    """
    opened = open_image(data, name)
    if opened.format in _LOSSY and _parts(opened, data, bounds)[0] is None:
        # Encoded again with loss for an endpoint: the pixels of that are everyone's.
        data, _ = _encoded(_pixels(opened, data, name, bounds), opened.format, bounds)
        opened = open_image(data, name)
    return _pixels(opened, data, name, bounds)


def _pixels(opened: Image.Image, data: bytes, name: str, bounds: Bounds) -> Image.Image:
    turn = _UPRIGHT.get(_orientation(opened, data))
    try:
        opened.load()
        pixels = to_rgb(opened)
    except Exception as error:  # Pillow's plugins raise nearly anything on bytes that are broken
        raise ImageError(f"{name}: {reason_of(error)}") from None
    if turn is not None and opened.format != "TIFF":  # Pillow turns TIFF itself, on loading
        pixels = pixels.transpose(turn)
    size = bounds.fit(pixels.size)
    return pixels if size == pixels.size else pixels.resize(size, Image.Resampling.LANCZOS)


def to_rgb(image: Image.Image) -> Image.Image:
    """A copy in 8-bit RGB without metadata; transparency over white, 16-bit grey by its high byte."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips at 255: nearly all of a 16-bit picture would be white.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        image.info = {}
    elif image.mode == "F":
        raise ValueError("floating-point samples have no 8-bit RGB form")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layered = image.convert("RGBA")
        image = Image.new("RGB", image.size, (255, 255, 255))
        image.paste(layered, mask=layered.getchannel("A"))
    rgb = image.convert("RGB")
    rgb.info = {}
    return rgb


def _encoded(pixels: Image.Image, was: str | None, bounds: Bounds) -> tuple[bytes, str]:
    may = bounds.kinds or ("image/jpeg", "image/png")
    lossy = "image/jpeg" in may and (was in _LOSSY or "image/png" not in may or bounds.max_bytes is not None)
    scaled = pixels
    for step in range(24):
        for quality in (95, 85, 70) if lossy else (None,):
            buffer = io.BytesIO()
            if quality is None:
                scaled.save(buffer, "PNG", compress_level=1)
            else:
                scaled.save(buffer, "JPEG", quality=quality, subsampling="4:4:4" if quality == 95 else "4:2:0")
            if bounds.max_bytes is None or buffer.tell() <= bounds.max_bytes:
                return buffer.getvalue(), "image/jpeg" if lossy else "image/png"
        size = (max(1, round(side * 0.8 ** (step + 1))) for side in pixels.size)
        scaled = pixels.resize(tuple(size), Image.Resampling.LANCZOS)  # type: ignore[arg-type]
    raise ImageError(f"does not fit into {bounds.max_bytes:,} bytes")


def clean(data: bytes, name: str, bounds: Bounds = UNBOUNDED) -> tuple[tuple[bytes, str], SplitFile | None]:
    """The image file `data` without metadata with its MIME type, and its parts; None where it is encoded again.

    Raises ImageError: not an image, truncated, too many pixels.
    """
    opened = open_image(data, name)
    parts, mime = _parts(opened, data, bounds)
    if parts is not None:
        return (parts.picture, mime), parts
    return _encoded(_pixels(opened, data, name, bounds), opened.format, bounds), None


def _parts(opened: Image.Image, data: bytes, bounds: Bounds) -> tuple[SplitFile | None, str]:
    """The file taken apart, and its MIME type; None where it must be encoded again."""
    split, mime, modes = _SPLIT.get(opened.format or "", (None, "", frozenset()))
    if (
        split is None
        or opened.mode not in modes
        or "transparency" in opened.info
        or _orientation(opened, data) != 1
        or bounds.fit(opened.size) != opened.size
        or (bounds.kinds is not None and mime not in bounds.kinds)
    ):
        return None, mime
    try:
        parts = split(data)
    except MalformedImage:
        return None, mime  # decoding says whether it is worse than irregular
    fits = bounds.max_bytes is None or len(parts.picture) <= bounds.max_bytes
    return parts if fits else None, mime


class Inspection(NamedTuple):
    """The facts that a run records of an image file."""

    sha256: str | None
    """None where the file cannot be read."""
    with_coordinates: bool
    reencoded: bool
    """Whether models see it encoded again, or would if it were not cut off. What is no picture at all is not."""


def inspect(path: str | os.PathLike[str], bounds: Bounds = UNBOUNDED) -> Inspection:
    """SHA-256, coordinates in the metadata, and whether the picture is encoded again; never raises for a picture."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return Inspection(None, False, False)
    try:
        parts, _ = _parts(open_image(data, ""), data, bounds)
    except ImageError:
        return _inspection(data, None)._replace(reencoded=False)
    return _inspection(data, parts)


def _inspection(data: bytes, parts: SplitFile | None) -> Inspection:
    coordinates = metadata.carries_coordinates(data) if parts is None else metadata.have_coordinates(parts.cut)
    return Inspection(hashlib.sha256(data).hexdigest(), coordinates, reencoded=parts is None)


def picture_bytes(picture: Image.Image | str | os.PathLike[str], sent: Bounds = UNBOUNDED) -> tuple[bytes, str]:
    """The bytes of a picture as an endpoint gets them, and their MIME type: a file's own bytes, other images as PNG.

    `sent` bounds the bytes and the kinds, besides what bounds the photograph itself.
    """
    if isinstance(picture, str | os.PathLike):
        picture = Photograph(picture)
    if isinstance(picture, Photograph):
        return picture.clean_bytes(sent)
    return _encoded(to_rgb(picture), None, sent)


def is_webp(picture: Any) -> bool:
    """Whether a picture's file is WebP."""
    try:
        with Path(getattr(picture, "path", picture)).open("rb") as file:
            return file.read(12)[8:] == b"WEBP"
    except (OSError, TypeError):  # no file
        return False


class Photograph(Image.Image):
    """A picture in a file: a PIL image that holds its path only and decodes anew at each use.

    Everything that reads an image works (`convert`, `resize`, `numpy.asarray`, pickling, `isinstance`) and sees 8-bit
    RGB, upright. It cannot be changed in place; `copy()` gives a plain image that can. Making one touches no file, so
    that a broken picture is the error of its own sample and not of the run.

    `name` is what logs, errors and ``str()`` call it, best relative to the benchmark's folder; `bounds` says how large
    models may see it.
    """

    _inspection: Inspection | None = None

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__()
        self._path = os.fspath(path)
        self.name = name or self.path.name
        self.bounds = bounds
        self._mode = "RGB"
        self.readonly = 1

    @property
    def path(self) -> Path:
        """The image file."""
        return Path(self._path)  # kept as text, which takes a third of the memory

    def decode(self) -> Image.Image:
        """The pixels, decoded now: a plain RGB image. Raises ImageError."""
        return decode(read_bytes(self.path, self.name), self.name, self.bounds)

    def clean_bytes(self, sent: Bounds = UNBOUNDED) -> tuple[bytes, str]:
        """The file's bytes without metadata, and their MIME type; `sent` as in `picture_bytes`. Raises ImageError."""
        data, own = read_bytes(self.path, self.name), self.bounds
        bounds = own._replace(max_bytes=sent.max_bytes or own.max_bytes, kinds=sent.kinds or own.kinds)
        picture, parts = clean(data, self.name, bounds)
        self._inspection = _inspection(data, parts)
        return picture

    @property
    def inspection(self) -> Inspection:
        """What a run records of the file: of the bytes that :meth:`clean_bytes` gave, or else of those there now."""
        return self._inspection or inspect(self.path, self.bounds)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright and within bounds; the header is read once. Raises ImageError."""
        if self._size == (0, 0):
            data = read_bytes(self.path, self.name)
            opened = open_image(data, self.name)
            width, height = opened.size
            if opened.format == "TIFF":  # whether the header's size is upright depends on Pillow's version
                width, height = decode(data, self.name).size
            elif _orientation(opened, data) >= 5:
                width, height = height, width
            self._size = self.bounds.fit((width, height))
        return self._size

    @property
    def im(self) -> Any:
        """Pillow's own pixel store, decoded at each access: what every inherited method reads."""
        return self.decode().im

    @im.setter
    def im(self, im: Any) -> None:
        if im is not None:
            raise TypeError("a Photograph cannot be changed in place; change its copy()")

    def load(self) -> Any:
        """Pillow's pixel access, over pixels decoded now."""
        return self.decode().load()

    def __copy__(self) -> Photograph:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Photograph:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Photograph, (self.path, self.name, self.bounds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Photograph) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.path, self.name, self.bounds))

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Photograph {self.name}>"


def _decoding(name: str) -> Any:
    """The image method `name` on pixels decoded once; inherited, it would decode at each access to `im`."""

    @functools.wraps(getattr(Image.Image, name))
    def method(self: Photograph, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.decode(), name)(*args, **kwargs)

    return method


for _name in ("convert", "copy", "crop", "resize", "save", "split", "tobytes", "transpose"):
    setattr(Photograph, _name, _decoding(_name))


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a file. Raises ImageError where there are none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name}: {error.strerror or error}") from None
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes)")
    return data


def open_image(data: bytes, name: str) -> Image.Image:
    """The header only. Bytes say what a file is, never its extension. Raises ImageError."""
    heif = data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS
    if heif and not reads_heic():
        raise ImageError(f"{name}: {NEEDS_PILLOW_HEIF}")
    formats = ("HEIF",) if heif else _FORMATS
    try:
        opened = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not an image, or of a kind that is not read ({', '.join(formats)})") from None
    except Exception as error:  # a warning made an error, a decompression bomb, a header that breaks its plugin
        raise ImageError(f"{name}: {reason_of(error)}") from None
    limit = Image.MAX_IMAGE_PIXELS
    if limit and opened.width * opened.height > limit:
        raise ImageError(f"{name}: {opened.width} x {opened.height} pixels are more than the {limit} allowed")
    return opened


def pictures_below(folder: Path) -> Iterator[str]:
    """Paths of the pictures in a folder and below it, relative to it; hidden ones are left out."""
    for below, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = (name for name in names if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES)
        yield from ((Path(below) / name).relative_to(folder).as_posix() for name in shown)


def refuse_unread_heic(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError where pictures of a folder are HEIC and pillow-heif is not installed."""
    heic = [name for name in names if Path(name).suffix.lower() in HEIC_SUFFIXES]
    if heic and not reads_heic():
        raise InputError(f"{folder / heic[0]}: {NEEDS_PILLOW_HEIF}; {len(heic):,} of {len(names):,} are of this kind")


@functools.cache
def reads_heic() -> bool:
    """Whether pillow-heif is installed; from then on Pillow reads HEIC."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _orientation(opened: Image.Image, data: bytes) -> int:
    """EXIF (or XMP) orientation, 1 to 8; 1 where there is none or it makes no sense."""
    if opened.format == "PNG" and not _PNG_ORIENTED.search(data):
        return 1  # Pillow would decode the whole picture to look for EXIF behind it
    try:
        value = opened.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken EXIF must not cost a picture that is otherwise good
        return 1
    return value if value in _UPRIGHT else 1
