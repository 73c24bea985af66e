"""The command line. Verbs, arguments, exit codes; what a verb needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was written); 3 incomplete (some photographs have no answer);
130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_eval import __version__, arguments, secrets, verbs
from globe_eval.errors import IncompleteRun, InputError, nearest
from globe_eval.reports import compare_commands
from globe_eval.reports.board import leaderboard_commands

EXAMPLES = """\
examples:
  globe-eval --model knn --tasks miniworld
  globe-eval --model hf-multimodal --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct --tasks im2gps3k
  globe-eval --model endpoint --model_args base_url=http://localhost:8000/v1 --tasks im2gps3k,yfcc4k
  globe-eval score predictions.csv --truth im2gps3k_places365.csv
  globe-eval compare RUN_A RUN_B
  globe-eval ls tasks
  globe-eval validate my_city.yaml
"""


DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors of the disk, of which the system does not always say which file they are about."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """One line, like every other error of the user's."""
        raise InputError(f"{message} (see {self.prog} --help)")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if words is None else words)
    if not given:
        given = ["--help"]
    if given[0].startswith("-") and given[0] not in ("-h", "--help", "--version"):
        given = ["run", *given]
    try:
        options = _parser().parse_args(given)
        options.given = given
        if getattr(options, "config", None) is not None:
            _apply_config(options)
        return int(options.verb(options))
    except (InputError, IncompleteRun) as error:
        print(f"globe-eval: {secrets.removed(str(error))}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if error.filename is None and error.errno not in DISK:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"globe-eval: {where}{error.strerror}", file=sys.stderr)
        return InputError.exit_code
    except KeyboardInterrupt as stopped:
        done = f": {stopped}; to go on, {_again(given)}" if stopped.args else ""
        print(f"globe-eval: interrupted{done}", file=sys.stderr)
        return 130


def _again(given: Sequence[str]) -> str:
    """What goes on with a run: the same command but for --fresh, shown unless it holds a secret."""
    kept = [part for part in given if not (len(part) > 2 and "--fresh".startswith(part))]
    pairs = [item.partition("=")[::2] for part in kept for item in arguments.split(part)] + [
        ("", part) for part in kept
    ]
    if any(secrets.without_secrets({name: value}) != {name: value} for name, value in pairs):
        return "start the same command again, without --fresh"
    return shlex.join(["globe-eval", *kept])


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="globe-eval",
        description="Image geolocation benchmarks for vision-language models, on lm-evaluation-harness.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"globe-eval {__version__}")
    subparsers = parser.add_subparsers(
        metavar="{run,score,rescore,merge,table,compare,report,export,leaderboard,prepare,new,validate,ls}",
        required=True,
        parser_class=_Parser,
    )
    for add in (
        _add_run,
        _add_score,
        _add_rescore,
        _add_merge,
        _add_table,
        compare_commands.add_compare,
        compare_commands.add_export,
        _add_report,
        _add_prepare,
        _add_new,
        _add_validate,
        _add_ls,
        leaderboard_commands.add_parser,
    ):
        add(subparsers)
    return parser


def _add_run(subparsers: Any) -> None:
    run = subparsers.add_parser("run", help="evaluate a model on tasks (the verb may be left out)")
    run.add_argument("--model", metavar="NAME", help="constant, knn, replay, endpoint, hf-multimodal, vllm-vlm")
    run.add_argument("--model_args", "-a", nargs="+", metavar="K=V,…", default=[], help="arguments of the model")
    run.add_argument("--tasks", "-t", nargs="+", metavar="TASK", help="names, groups or YAML files, with , between")
    run.add_argument("--prompt", metavar="NAME", help="names, coordinates, address, no_cot, localizability, globe_eval")
    run.add_argument("--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs")
    run.add_argument(
        "--limit", "-L", type=arguments.limit, metavar="N", help="only the first N photographs (a share if below 1)"
    )
    run.add_argument("--batch_size", "-b", metavar="N", help="of models in this process (default 1; vLLM's own)")
    run.add_argument("--device", metavar="DEVICE", help="of models in this process: cuda, cuda:0, cpu, mps")
    run.add_argument("--gen_kwargs", nargs="+", metavar="K=V,…", default=[], help="decoding, over the task's own")
    run.add_argument("--system_instruction", metavar="TEXT", help="put before the task's system message")
    run.add_argument(
        "--max_pixels", type=arguments.count, metavar="N", help="scale larger photographs down to this area"
    )
    run.add_argument(
        "--max_side", type=arguments.count, metavar="N", help="scale larger photographs down to this longer side"
    )
    run.add_argument("--exclude-overlap", action="store_true", help="figures also without what prepare --against found")
    _add_judge(run)
    run.add_argument(
        "--ask_localizable",
        nargs="+",
        metavar="K=V,…",
        default=[],
        help="a model that is asked GLOBE's yes/no question and gives token probabilities: base_url=…,model=…",
    )
    run.add_argument("--output_path", "-o", type=Path, metavar="DIR", help="default globe_eval_runs/MODEL")
    run.add_argument("--fresh", action="store_true", help="start over, instead of going on with what was answered")
    run.add_argument("--shard", metavar="I/N", help="only every N-th photograph from the I-th on; see globe-eval merge")
    for what, tokens in (("in", "of prompts"), ("out", "of answers")):
        run.add_argument(
            f"--price_{what}", type=arguments.price, metavar="P", help=f"what a million tokens {tokens} cost"
        )
    run.add_argument("--max_cost", type=arguments.cost, metavar="M", help="ask for no more than that with these prices")
    run.add_argument("--dry_run", action="store_true", help="show the first request and what it all takes; ask nothing")
    run.add_argument("--repeats", type=arguments.count, metavar="N", default=1, help="answers to each photograph")
    run.add_argument(
        "--distance", choices=("geodesic", "haversine"), default="geodesic", help="default geodesic (WGS84)"
    )
    run.add_argument(
        "--geocoder",
        choices=("geonames", "nominatim", "azure"),
        default="geonames",
        help="of place names; default geonames, embedded and offline",
    )
    run.add_argument("--seed", type=int, default=0, help="of sampling and of the intervals (default 0)")
    run.add_argument("--format", choices=("table", "json"), default="table", help="what standard output shows")
    run.add_argument("--config", "-C", type=Path, metavar="FILE", help="YAML of these options; the command line wins")
    run.set_defaults(verb=verbs.run)


def _add_score(subparsers: Any) -> None:
    score = subparsers.add_parser("score", help="score a file of answers, without a model")
    score.add_argument("answers", type=Path, help="CSV, TSV, JSON lines or Parquet, one row a photograph")
    score.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: in the answers' file)")
    score.add_argument("--task", metavar="TASK", help="the benchmark, by name or YAML: its truth and answer form")
    score.add_argument("--read", choices=("response", "coordinates", "names"), help="which kind of column to score")
    score.add_argument("--answer-form", choices=("names", "address", "coordinates"), help="what counts in a response")
    for column in ("id", "lat", "lon", "response", "city", "country"):
        score.add_argument(
            f"--{column}-column",
            metavar="NAME",
            help=argparse.SUPPRESS
            if column != "id"
            else "a column with an unusual name; likewise --lat-, --lon-, --response-, --city-, --country-column",
        )
    score.add_argument("--skip-footer", action="store_true", help="set trailing rows aside that are no samples")
    score.add_argument("--entities", type=Path, metavar="FILE", help="what can be seen on each photograph, by its id")
    score.add_argument("--skip-unknown-ids", action="store_true", help="set answers aside that have no truth")
    score.add_argument(
        "--distance", choices=("geodesic", "haversine"), default="geodesic", help="default geodesic (WGS84)"
    )
    score.add_argument(
        "--geocoder",
        choices=("geonames", "nominatim", "azure"),
        default="geonames",
        help="of place names; default geonames, embedded and offline",
    )
    score.add_argument("--seed", type=int, default=0, help="of the intervals (default 0)")
    _add_output(score)
    score.set_defaults(verb=verbs.score)


def _add_rescore(subparsers: Any) -> None:
    rescore = subparsers.add_parser("rescore", help="score a run again, without its model; says what changed")
    rescore.add_argument("run", type=Path, metavar="RUN", help="folder with samples.jsonl and results.json")
    rescore.add_argument("--answer-form", choices=("names", "address", "coordinates"), help="what counts in a response")
    rescore.add_argument("--distance", choices=("geodesic", "haversine"), help="default: the run's")
    rescore.add_argument("--geocoder", choices=("geonames", "nominatim", "azure"), help="default: the run's")
    rescore.add_argument("--entities", type=Path, metavar="FILE", help="what can be seen on each photograph, by its id")
    _add_judge(rescore)
    rescore.add_argument("--seed", type=int, help="of the intervals (default: the run's)")
    _add_output(rescore)
    rescore.set_defaults(verb=verbs.rescore)


def _add_merge(subparsers: Any) -> None:
    merge = subparsers.add_parser("merge", help="put the shards of a run together")
    merge.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder that a run with --shard wrote")
    _add_output(merge, required=True)
    merge.set_defaults(verb=verbs.merge)


def _add_judge(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--judge",
        nargs="+",
        metavar="K=V,…",
        default=[],
        help="a model that judges the reasoning: base_url=…,model=… of an OpenAI-compatible endpoint (default: none)",
    )


def _add_output(verb: argparse.ArgumentParser, *, required: bool = False) -> None:
    verb.add_argument(
        "--output_path",
        "-o",
        type=Path,
        metavar="DIR",
        required=required,
        help="write samples.jsonl and results.json there",
    )
    verb.add_argument("--format", choices=("table", "json"), default="table", help="what standard output shows")


def _add_table(subparsers: Any) -> None:
    table = subparsers.add_parser("table", help="show runs side by side")
    table.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder with a results.json")
    table.add_argument("--by", metavar="PART", help="each run by continent, country, scene or city_size instead")
    table.set_defaults(verb=verbs.table)


def _add_report(subparsers: Any) -> None:
    report = subparsers.add_parser("report", help="write runs as one HTML file that opens offline")
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder with samples.jsonl and results.json")
    report.add_argument("--output_path", "-o", type=Path, metavar="FILE", help="default globe-eval-report.html")
    report.add_argument("--images", type=Path, metavar="DIR", help="show pictures from there, found by photograph id")
    report.add_argument(
        "--max_images", type=arguments.count, metavar="N", help="how many pictures at most (default 300)"
    )
    report.add_argument("--png", type=Path, metavar="DIR", help="write figures for papers there")
    report.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each photograph and run there")
    report.add_argument("--open", action="store_true", help="show it in the browser")
    report.set_defaults(verb=verbs.report)


def _add_ls(subparsers: Any) -> None:
    ls = subparsers.add_parser("ls", help="list tasks or models")
    ls.add_argument("what", choices=("tasks", "models"), nargs="?", default="tasks")
    ls.add_argument("--details", action="store_true", help="of tasks: version, n, licence, answer form, ceiling")
    ls.add_argument("--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs")
    ls.set_defaults(verb=verbs.ls)


def _add_validate(subparsers: Any) -> None:
    validate = subparsers.add_parser("validate", help="say what is wrong with task YAMLs")
    validate.add_argument("files", type=Path, nargs="+", metavar="FILE")
    validate.set_defaults(verb=verbs.validate)


def _add_prepare(subparsers: Any) -> None:
    prepare = subparsers.add_parser("prepare", help="make and check a benchmark's manifest from what you downloaded")
    prepare.add_argument("task", help="name of a task, or the path of its YAML")
    prepare.add_argument(
        "--images", type=Path, metavar="DIR", help="folder of the pictures (default: the hub, or the YAML's)"
    )
    prepare.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: the YAML's)")
    prepare.add_argument("--output_path", "-o", type=Path, metavar="DIR", help="default $GLOBE_EVAL_DATA/TASK")
    prepare.add_argument(
        "--against", nargs="+", type=Path, metavar="MANIFEST", default=[], help="training sets to compare with"
    )
    prepare.add_argument(
        "--fix-swapped", action="store_true", help="swap latitude and longitude back, where the header has them swapped"
    )
    prepare.add_argument("--allow-missing", action="store_true", help="leave photographs out that have no picture")
    prepare.add_argument(
        "--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs"
    )
    prepare.set_defaults(verb=verbs.prepare)


def _add_new(subparsers: Any) -> None:
    new = subparsers.add_parser("new", help="write the YAML of a benchmark of your own")
    new.add_argument("name", help="of the task: letters, digits, '_' and '-'")
    new.add_argument("--truth", type=Path, metavar="FILE", required=True, help="table of the truth")
    new.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    new.add_argument("--folder", type=Path, metavar="DIR", help="where the YAML is written (default: here)")
    for role in ("id", "image", "lat", "lon", "country", "city", "group", "scene", "entities", "localizable"):
        new.add_argument(
            f"--{role}-column",
            metavar="NAME",
            help=argparse.SUPPRESS
            if role != "id"
            else "a column with an unusual name; likewise --image-, --lat-, --lon-, --country-, --city-, --group-, "
            "--scene-, --entities-, --localizable-column",
        )
    new.set_defaults(verb=verbs.new)


def _apply_config(options: argparse.Namespace) -> None:
    """Options of a YAML file; what stands on the command line wins."""
    import yaml

    from globe_eval.benchmarks.definition import read_definition

    try:
        values = read_definition(options.config).values
    except yaml.YAMLError as error:
        raise InputError(f"{options.config}: {error}") from None
    defaults = vars(_parser().parse_args(["run"]))
    allowed = sorted(set(defaults) - {"verb", "config", "fresh"})  # a file that always starts over never goes on
    for key, value in values.items():
        if key not in allowed:
            raise InputError(
                f"{options.config}: unknown key {key!r}{nearest(key, allowed)} (allowed: {', '.join(allowed)})"
            )
        if getattr(options, key) != defaults[key]:
            continue
        if key in ("tasks", "include_path", "model_args", "gen_kwargs", "judge", "ask_localizable"):
            value = [value] if isinstance(value, str) else value
        elif value is not None:
            value = getattr(_parse_one(options.config, f"--{key}={value}"), key)
        if key == "include_path":
            value = [Path(folder) for folder in value]
        setattr(options, key, value)


def _parse_one(path: Path, argument: str) -> argparse.Namespace:
    """A value of a file is read as it would be on the command line."""
    try:
        return _parser().parse_args(["run", argument])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


if __name__ == "__main__":
    entry()
