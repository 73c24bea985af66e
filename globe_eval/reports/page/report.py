"""What `globe-eval report` writes: the page, and beside it its drawings and a table of all photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from globe_eval.errors import InputError
from globe_eval.files import write_whole
from globe_eval.reports.page import html, pictures
from globe_eval.reports.page.cues import foremost
from globe_eval.reports.page.drawings import write_drawings
from globe_eval.reports.page.loaded import Loaded, load

DEFAULT = Path("globe-eval-report.html")


def write_report(
    folders: Sequence[Path],
    output: Path | None = None,
    *,
    images: Path | None = None,
    max_images: int | None = None,
    svg: Path | None = None,
    csv: Path | None = None,
    show: bool = False,
) -> list[Path]:
    """Read runs and write their report; returns the files that were written.

    Args:
        folders: the runs, in the order in which they stand side by side.
        output: the page; DEFAULT in the working folder if not given.
        images: a folder of the photographs. Pictures of the embedded benchmark are shown without it: they are drawn.
        max_images: how many pictures at most; `pictures.MOST` if not given.
        svg: a folder for the drawings as files of their own.
        csv: a file for a row of each photograph and run.
        show: open the page in the user's browser.

    Raises:
        InputError: what is no run, or cannot be written where it is asked for.

    """
    path = output or DEFAULT
    if path.is_dir():
        raise InputError(f"--output_path {path}: is a folder; name the file, as in {path / DEFAULT}")
    data = load(folders)
    chosen = foremost(data, pictures.MOST if max_images is None else max_images)
    written = [path]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, html.report(data, _pictures(data, chosen, images), len(chosen)).encode())
    if csv is not None:
        from globe_eval.reports.page.flat import flat

        csv.parent.mkdir(parents=True, exist_ok=True)
        write_whole(csv, flat(data).encode())
        written.append(csv)
    if svg is not None:
        written += write_drawings(data, svg)
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return written


def _pictures(data: Loaded, chosen: Sequence[int], images: Path | None) -> pictures.Pictures:
    if images is not None:
        return pictures.pictures(data.photographs, chosen, images)
    if all(run.results.task.startswith("miniworld") for run in data.runs):
        return pictures.drawn(data.photographs, chosen)
    return pictures.Pictures({}, 0, 0)
