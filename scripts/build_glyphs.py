"""Outlines of the words on miniworld's signs -> `globe_eval/miniworld/words.json`.

    pip install uharfbuzz fonttools shapely
    python scripts/build_glyphs.py FONTS        # a folder (searched recursively) that holds the Noto fonts named below

Arabic, Devanagari, Thai and the rest need shaping, and their fonts are far larger than the few words that miniworld
draws. So the words are shaped here, once, with HarfBuzz, and only their outlines ship. The fonts are Noto (SIL Open
Font License 1.1), e.g. Debian's packages `fonts-noto-core` and `fonts-noto-cjk`, version 20201225 and 20220127.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import uharfbuzz as hb
from fontTools.pens.basePen import decomposeQuadraticSegment
from fontTools.pens.recordingPen import RecordingPen
from shapely import Polygon, make_valid, unary_union
from shapely.geometry.polygon import orient

OUT = Path(__file__).parents[1] / "globe_eval" / "miniworld" / "words.json"
HEIGHT = 100  # every word is scaled to this height; coordinates are integers
TOLERANCE = 0.6  # of a hundredth of the height: invisible on a sign 20 pixels high
LATIN = "NotoSans-Bold.ttf"
CJK = "NotoSansCJK-Bold.ttc"

# entity phrase -> (font file, face in the file, OpenType language, words). Common words, never the name of a place.
SIGNS: dict[str, tuple[str, int, str, list[str]]] = {
    "English sign": (LATIN, 0, "en", ["Bakery", "Books", "Coffee"]),
    "French sign": (LATIN, 0, "fr", ["Café", "Boulangerie", "Crêperie"]),
    "German sign": (LATIN, 0, "de", ["Bäckerei", "Bücher", "Gasthof"]),
    "Italian sign": (LATIN, 0, "it", ["Gelateria", "Caffè", "Trattoria"]),
    "Portuguese sign": (LATIN, 0, "pt", ["Padaria", "Livraria", "Calçados"]),
    "Spanish sign": (LATIN, 0, "es", ["Panadería", "Librería", "Zapatería"]),
    "Icelandic sign": (LATIN, 0, "is", ["Bakarí", "Bækur", "Búð"]),
    "Turkish sign": (LATIN, 0, "tr", ["Fırın", "Kitapçı", "Döviz"]),
    "Swahili sign": (LATIN, 0, "sw", ["Duka", "Chakula", "Vitabu"]),
    "Cyrillic sign": (LATIN, 0, "uk", ["Кафе", "Аптека", "Книги"]),
    "Greek sign": (LATIN, 0, "el", ["Καφέ", "Βιβλία", "Ψωμί"]),
    "Georgian sign": ("NotoSansGeorgian-Bold.ttf", 0, "ka", ["კაფე", "პური", "წიგნები"]),
    "Hebrew sign": ("NotoSansHebrew-Bold.ttf", 0, "he", ["קפה", "ספרים", "מאפייה"]),
    "Arabic sign": ("NotoSansArabic-Bold.ttf", 0, "ar", ["قهوة", "مكتبة", "مخبز"]),
    "Devanagari sign": ("NotoSansDevanagari-Bold.ttf", 0, "hi", ["कॉफ़ी", "किताबें", "मिठाई"]),
    "Thai sign": ("NotoSansThai-Bold.ttf", 0, "th", ["กาแฟ", "ขนม", "ร้านยา"]),
    "Korean sign": (CJK, 1, "ko", ["커피", "약국", "책방"]),
    "Japanese sign": (CJK, 0, "ja", ["コーヒー", "ラーメン", "すし"]),
    "Chinese sign": (CJK, 2, "zh-hans", ["咖啡馆", "书店", "面包"]),
    "Amharic sign": ("NotoSansEthiopic-Bold.ttf", 0, "am", ["ቡና", "ሻይ", "መጽሐፍ"]),
}


def outlines(font: hb.Font, text: str, language: str) -> list[list[int]]:
    """`[kind, x0, y0, x1, y1, …]` rings in painting order, kind 1 = ink, 0 = hole; y downwards, height HEIGHT."""
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.language = language
    hb.shape(font, buffer)
    missing = [text for info in buffer.glyph_infos if info.codepoint == 0]
    if missing:
        raise SystemExit(f"the font lacks a letter of {text!r}")
    contours: list[list[tuple[float, float]]] = []
    x = y = 0.0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        pen = RecordingPen()
        font.draw_glyph_with_pen(info.codepoint, pen)
        dx, dy = x + position.x_offset, y + position.y_offset
        contours += [[(px + dx, py + dy) for px, py in ring] for ring in flatten(pen)]
        x, y = x + position.x_advance, y + position.y_advance
    shape = fill(contours)
    left, bottom, _, top = shape.bounds
    scale = HEIGHT / (top - bottom)
    shape = shape.simplify(TOLERANCE / scale)
    rings: list[list[int]] = []
    for polygon in sorted(getattr(shape, "geoms", [shape]), key=lambda p: -p.area):
        for kind, ring in [(1, polygon.exterior), *((0, hole) for hole in polygon.interiors)]:
            points = [(round((px - left) * scale), round((top - py) * scale)) for px, py in ring.coords[:-1]]
            rings.append([kind, *(value for point in points for value in point)])
    return rings


def flatten(pen: RecordingPen, steps: int = 6) -> list[list[tuple[float, float]]]:
    """The curves of a recorded glyph as closed rings of points."""
    rings: list[list[tuple[float, float]]] = []
    for operator, points in pen.value:
        if operator == "moveTo":
            rings.append([points[0]])
        elif operator == "lineTo":
            rings[-1].append(points[0])
        elif operator == "qCurveTo":
            for control, end in decomposeQuadraticSegment(points):
                rings[-1] += bezier([rings[-1][-1], control, end], steps)
        elif operator == "curveTo":
            rings[-1] += bezier([rings[-1][-1], *points], steps)
    return [ring for ring in rings if len(ring) >= 3]


def bezier(control: list[tuple[float, float]], steps: int) -> list[tuple[float, float]]:
    """Points of a Bézier curve of any degree (de Casteljau), without its start."""
    out = []
    for i in range(1, steps + 1):
        t, points = i / steps, control
        while len(points) > 1:
            points = [((1 - t) * ax + t * bx, (1 - t) * ay + t * by) for (ax, ay), (bx, by) in pairwise(points)]
        out.append(points[0])
    return out


def fill(contours: list[list[tuple[float, float]]]) -> Polygon:
    """Non-zero filling: rings with the largest ring's direction are ink, the others holes."""
    polygons = [Polygon(ring) for ring in contours]
    largest = max(polygons, key=lambda p: p.area)
    ink = [make_valid(p) for p in polygons if p.exterior.is_ccw == largest.exterior.is_ccw]
    holes = [make_valid(p) for p in polygons if p.exterior.is_ccw != largest.exterior.is_ccw]
    shape = unary_union(ink).difference(unary_union(holes)) if holes else unary_union(ink)
    return unary_union([orient(p) for p in getattr(shape, "geoms", [shape]) if p.geom_type == "Polygon"])


def main(folder: Path) -> None:
    """Shape every word and write the file."""
    files = {path.name: path for path in sorted(folder.rglob("Noto*"))}
    words: dict[str, list[dict[str, object]]] = {}
    for entity, (name, face, language, texts) in SIGNS.items():
        if name not in files:
            raise SystemExit(f"{folder} holds no {name}")
        font = hb.Font(hb.Face(hb.Blob.from_file_path(str(files[name])), face))
        words[entity] = [{"text": text, "rings": outlines(font, text, language)} for text in texts]
    notice = (
        "Outlines of single words set in Noto Sans, Copyright 2015-2021 Google LLC, and Noto Sans CJK, Copyright "
        "2014-2021 Adobe; SIL Open Font License, Version 1.1 (https://openfontlicense.org). "
        "Made by scripts/build_glyphs.py."
    )
    OUT.write_text(
        json.dumps(
            {"notice": notice, "height": HEIGHT, "words": words}, ensure_ascii=False, separators=(",", ":")
        ).replace('{"text"', '\n{"text"')
        + "\n",
        encoding="utf-8",
    )
    print(f"{OUT.name}: {sum(map(len, words.values()))} words, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
