"""`globe-eval leaderboard add | check | build`: runs become rows, rows are checked, boards are written from them.

leaderboards/
  published/*.yaml   what others published, with sources
  runs/*.json        rows of runs, written by `add`
  boards.md          all boards as one page of Markdown, written by `build`
  site/index.html    the same as HTML, where rows open to their commands
  boards/*.csv       a board, where `--format` asks for files of CSV, JSON, LaTeX or Markdown
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from globe_eval.benchmarks.definition import Definition, known_tasks
from globe_eval.errors import InputError, nearest
from globe_eval.files import write_whole
from globe_eval.reports.board import admission, writers
from globe_eval.reports.board.boards import Board, boards
from globe_eval.reports.board.contradictions import contradictions
from globe_eval.reports.board.provenance import Provenance, provenance_of, publishable, responses_of
from globe_eval.reports.board.published import read_published
from globe_eval.reports.board.submission import Submission, file_text, read_submission, submission
from globe_eval.reports.run import model_name
from globe_eval.runs import record
from globe_eval.sample import first_error

FORMATS = {"md": writers.markdown, "csv": writers.csv_text, "tex": writers.latex, "json": writers.as_json}
MARKER = re.compile(r"(<!-- board (\S+) -->\n).*?(<!-- end of board \2 -->)", re.DOTALL)
ALIKE = 0.9
"""From which share of answers at the same place two rows are said to be alike; a model and what it was trained from on
miniworld share 0.7."""
README_TOP = 24
"""How many published rows a README shows."""


def add(
    run: Path,
    leaderboards: Path,
    *,
    name: str | None = None,
    source: str | None = None,
    include_path: Sequence[Path] = (),
    responses: bool = False,
) -> Path:
    """Check a run and write its row. Raises InputError with every reason why it cannot be one; nothing is written then.

    The same run gives the same file; a run that is there already is refused. With `responses` these are published too.
    """
    known = known_tasks(include_path)
    wrong = admission.of_run(run, known)
    if wrong:
        raise InputError(f"{run}: cannot be a row: {'; '.join(wrong).removeprefix(f'{run}: ')}")
    results = record.read_results(run)
    try:
        row = submission(name or model_name(results), source, results, run)
    except ValidationError as error:
        raise InputError(first_error(error)) from None
    there = {path: read_submission(path) for path in _row_files(leaderboards)}
    for path, one in there.items():
        if (one.columns.samples_sha256, one.results.task) == (row.columns.samples_sha256, row.results.task):
            raise InputError(f"{run}: is there already, as {path}; remove that file first to add it anew")
    path = leaderboards / "runs" / row.file_name
    wrong = [*contradictions(row, known), *admission.disagreements({**there, path: row}).get(path, [])]
    if wrong:
        raise InputError(f"{run}: cannot be a row: {'; '.join(wrong)}")
    published = publishable(record.read_samples(run)) if responses else None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, file_text(row).encode())
    if published is not None:
        beside = responses_of(path)
        beside.parent.mkdir(parents=True, exist_ok=True)
        write_whole(beside, published)
    return path


def check(
    paths: Sequence[Path], leaderboards: Path, *, include_path: Sequence[Path] = ()
) -> list[tuple[Path, list[str]]]:
    """Each path and why it is refused, an empty list where it may stand; by default every row of the leaderboard.

    Published rows are read then too. Rows are also held against all others of the leaderboard: rows of one manifest
    have the same photographs, groups and ceilings, and no run stands there twice. Raises InputError for no folder.
    """
    if not paths and not leaderboards.is_dir():
        raise InputError(f"{leaderboards}: no such folder; give the leaderboards' with --leaderboards")
    known = known_tasks(include_path)
    there = _row_files(leaderboards)
    paths = list(paths) or there
    found = {path: (admission.of_run if path.is_dir() else admission.of_submission)(path, known) for path in paths}
    together = admission.disagreements(_readable(paths, leaderboards))
    for path in paths:
        found[path] += together.get(path.resolve(), [])
    if paths == there and (leaderboards / "published").is_dir():
        folder = leaderboards / "published"
        try:
            read_published(folder)
            found[folder] = []
        except InputError as error:
            found[folder] = [str(error)]
    return list(found.items())


def lookalikes(paths: Sequence[Path], leaderboards: Path) -> dict[Path, str]:
    """What is to be said of each of these rows of which another has ALIKE of the answers, as `admission.alike` has it.

    It refuses nothing: a model and its quantisation are so much alike. It says where to look for a copied row.
    """
    rows = _readable(paths, leaderboards)
    found = {}
    for path in paths:
        one = rows[path.resolve()]
        shares = {other.name: admission.alike(one, other) for at, other in rows.items() if at != path.resolve()}
        if shares and (most := max(shares.values())) >= ALIKE:
            name = next(name for name, share in shares.items() if share == most)
            found[path] = f"{100 * most:.1f} % of its answers are where those of {name!r} are"
    return found


def _readable(paths: Sequence[Path], leaderboards: Path) -> dict[Path, Submission]:
    """These rows and all of the leaderboard by their resolved path, but for those that cannot be read."""
    found = {}
    for path in [*_row_files(leaderboards), *(path for path in paths if path.is_file())]:
        try:
            one = read_submission(path)
            _ = one.groups
        except (InputError, ValueError):
            continue
        found[path.resolve()] = one
    return found


def level(path: Path, known: Mapping[str, Definition]) -> Provenance:
    """What stands behind a row that was checked."""
    one = read_submission(path)
    return provenance_of(path, one, known[one.results.task])


def build(leaderboards: Path, *, suffixes: Sequence[str] = (), include_path: Sequence[Path] = ()) -> dict[Path, str]:
    """File -> text of everything that is made from the rows; writing them is the caller's.

    With `suffixes` each board is a file in each of these formats besides.

    Raises InputError for a row that is refused: a board of what nobody checked would say nothing.
    """
    checked = check([], leaderboards, include_path=include_path)
    refused = [f"{path.name}: {'; '.join(wrong)}" for path, wrong in checked if wrong]
    if refused:
        raise InputError(f"{leaderboards}/runs: {len(refused)} rows are refused: {refused[0]}")
    known = known_tasks(include_path)
    rows = {path: read_submission(path) for path in _row_files(leaderboards)}
    levels = {one.sha256: provenance_of(path, one, known[one.results.task]).level for path, one in rows.items()}
    published = read_published(leaderboards / "published") if (leaderboards / "published").is_dir() else []
    every = boards([*rows.values()], published, known, levels)
    files = {
        leaderboards / "boards" / f"{board.name}.{suffix}": FORMATS[suffix](board)
        for board in every
        for suffix in suffixes
    }
    files[leaderboards / "boards.md"] = writers.markdown_page(every)
    files[leaderboards / "site" / "index.html"] = writers.html_page(every)
    beside = leaderboards.parent if leaderboards.name else leaderboards.resolve().parent
    for readme in (leaderboards / "README.md", beside / "README.md"):
        if readme.is_file():
            text = readme.read_text(encoding="utf-8")
            if MARKER.search(text):
                files[readme] = _filled(text, every, readme, leaderboards)
    return files


def stale(files: dict[Path, str], leaderboards: Path) -> list[Path]:
    """Files that are missing or not as they would be written, and boards of these formats that nothing would write.

    Boards in Markdown are always among these: each had a file of its own before `boards.md`.
    """
    changed = [path for path, text in files.items() if not path.is_file() or path.read_bytes() != text.encode("utf-8")]
    suffixes = {path.suffix for path in files}
    there = sorted((leaderboards / "boards").glob("*"))
    return changed + [path for path in there if path.suffix in suffixes and path not in files]


def write(files: dict[Path, str], leaderboards: Path) -> list[Path]:
    """Write what is stale and remove boards that are gone; the paths that changed."""
    changed = stale(files, leaderboards)
    for path in changed:
        if path not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8", newline="\n")
    return changed


def _row_files(leaderboards: Path) -> list[Path]:
    return sorted((leaderboards / "runs").glob("*.json"))


def _filled(text: str, every: Sequence[Board], readme: Path, leaderboards: Path) -> str:
    """A README with its boards between their markers."""
    by_name = {board.name: board for board in every}
    base = leaderboards.resolve().relative_to(readme.resolve().parent).as_posix()
    link = "site/index.html" if base == "." else f"{base}/site/index.html"

    def table(found: re.Match[str]) -> str:
        name = found[2]
        if name not in by_name:
            raise InputError(f"{readme}: no board {name!r}{nearest(name, by_name)} (there are: {', '.join(by_name)})")
        return f"{found[1]}{writers.markdown(by_name[name], link=link, top=README_TOP)}{found[3]}"

    return MARKER.sub(table, text)
