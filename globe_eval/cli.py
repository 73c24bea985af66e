"""The command line. Verbs, arguments, exit codes; what a verb needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was written); 3 incomplete (some photographs have no answer);
130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_eval import __version__
from globe_eval.errors import IncompleteRun, InputError, nearest

EXAMPLES = """\
examples:
  globe-eval --model knn --tasks miniworld
  globe-eval --model hf-multimodal --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct --tasks im2gps3k
  globe-eval --model endpoint --model_args base_url=http://localhost:8000/v1 --tasks im2gps3k,yfcc4k
  globe-eval score predictions.csv --truth im2gps3k_places365.csv
  globe-eval ls tasks
  globe-eval validate my_city.yaml
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """One line, like every other error of the user's."""
        raise InputError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        given = ["--help"]
    if given[0].startswith("-") and given[0] not in ("-h", "--help", "--version"):
        given = ["run", *given]
    try:
        options = _parser().parse_args(given)
        return int(options.verb(options))
    except (InputError, IncompleteRun) as error:
        print(f"globe-eval: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if error.filename is None:
            raise
        print(f"globe-eval: {error.filename}: {error.strerror}", file=sys.stderr)
        return InputError.exit_code
    except KeyboardInterrupt:
        print("globe-eval: interrupted", file=sys.stderr)
        return 130


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
    verbs = parser.add_subparsers(metavar="{run,score,table,ls,validate}", required=True, parser_class=_Parser)
    _add_run(verbs)
    _add_score(verbs)
    _add_table(verbs)
    _add_ls(verbs)
    _add_validate(verbs)
    return parser


def _add_run(verbs: Any) -> None:
    run = verbs.add_parser("run", help="evaluate a model on tasks (the verb may be left out)")
    run.add_argument("--model", metavar="NAME", help="constant, knn, replay, endpoint, hf-multimodal, vllm-vlm")
    run.add_argument("--model_args", "-a", nargs="+", metavar="K=V,…", default=[], help="arguments of the model")
    run.add_argument("--tasks", "-t", nargs="+", metavar="TASK", help="names, groups or YAML files, with , between")
    run.add_argument("--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs")
    run.add_argument(
        "--limit", "-L", type=_limit, metavar="N", help="only the first N photographs (a share if below 1)"
    )
    run.add_argument("--batch_size", "-b", metavar="N", default="1", help="of models in this process (default 1)")
    run.add_argument("--device", metavar="DEVICE", help="of models in this process: cuda, cuda:0, cpu, mps")
    run.add_argument("--gen_kwargs", nargs="+", metavar="K=V,…", default=[], help="decoding, over the task's own")
    run.add_argument("--system_instruction", metavar="TEXT", help="put before the task's system message")
    run.add_argument("--output_path", "-o", type=Path, metavar="DIR", help="default globe_eval_runs/MODEL")
    run.add_argument("--overwrite", action="store_true", help="replace another run in the output folder")
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
    run.set_defaults(verb=_run)


def _add_score(verbs: Any) -> None:
    score = verbs.add_parser("score", help="score a file of answers, without a model")
    score.add_argument("answers", type=Path, help="CSV, TSV, JSON lines or Parquet, one row a photograph")
    score.add_argument("--truth", type=Path, metavar="FILE", help="table of the truth (default: in the answers' file)")
    score.add_argument("--task", metavar="NAME", help="the benchmark: checks n, and gives the answer form")
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
    score.add_argument(
        "--output_path", "-o", type=Path, metavar="DIR", help="write samples.jsonl and results.json there"
    )
    score.add_argument("--format", choices=("table", "json"), default="table", help="what standard output shows")
    score.set_defaults(verb=_score)


def _add_table(verbs: Any) -> None:
    table = verbs.add_parser("table", help="show runs side by side")
    table.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder with a results.json")
    table.set_defaults(verb=_table)


def _add_ls(verbs: Any) -> None:
    ls = verbs.add_parser("ls", help="list tasks or models")
    ls.add_argument("what", choices=("tasks", "models"), nargs="?", default="tasks")
    ls.add_argument("--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs")
    ls.set_defaults(verb=_ls)


def _add_validate(verbs: Any) -> None:
    validate = verbs.add_parser("validate", help="say what is wrong with task YAMLs")
    validate.add_argument("files", type=Path, nargs="+", metavar="FILE")
    validate.set_defaults(verb=_validate)


def _run(options: argparse.Namespace) -> int:
    if options.config is not None:
        _apply_config(options)
    for name in ("model", "tasks"):
        if not getattr(options, name):
            raise InputError(f"--{name} is missing (see globe-eval ls {name if name == 'tasks' else 'models'})")
    from globe_eval.reports import table
    from globe_eval.runs import run

    names = [name for part in options.tasks for name in part.split(",") if name]
    finished = run.run(
        run.Request(
            model=options.model,
            tasks=names,
            model_args=_key_values("--model_args", options.model_args),
            include_path=options.include_path,
            limit=options.limit,
            batch_size=int(options.batch_size) if str(options.batch_size).isdigit() else options.batch_size,
            device=options.device,
            gen_kwargs=_key_values("--gen_kwargs", options.gen_kwargs),
            output_path=options.output_path,
            distance=options.distance,
            geocoder=options.geocoder,
            seed=options.seed,
            system_instruction=options.system_instruction,
            overwrite=options.overwrite,
        )
    )
    if options.format == "json":
        print(json.dumps({one.results.task: _flat(one.results) for one in finished}, ensure_ascii=False))
    else:
        print("\n\n".join(table.result_table(one.results) for one in finished))
        if len(finished) > 1:
            print("\n" + table.compact_table([one.results for one in finished]))
    for one in finished:
        print(f"written: {one.folder}", file=sys.stderr)
    _refuse_incomplete([one.results for one in finished])
    return 0


def _score(options: argparse.Namespace) -> int:
    from globe_eval.reports import table
    from globe_eval.runs import record, score
    from globe_eval.runs.assemble import Setting

    task, version, form, n = options.task or "score", "", options.answer_form, None
    if options.task:
        defined = _definition(options.task)
        version, n = str(defined["metadata"]["version"]), defined["metadata"].get("n")
        if options.read in (None, "response"):
            form = form or _task_form(defined)
    scored = score.score_file(
        options.answers,
        options.truth,
        setting=Setting(
            task,
            version,
            form or "names",
            "",
            "",
            seed=options.seed,
            distance=options.distance,
            geocoder=options.geocoder,
        ),
        columns=score.Columns(**{name: getattr(options, f"{name}_column") for name in score.COLUMN_NAMES}),
        read=options.read,
        answer_form=form,
        skip_footer=options.skip_footer,
        skip_unknown_ids=options.skip_unknown_ids,
    )
    if n is not None and n != scored.results.n:
        scored.notes.append(
            f"{task} has {n:,} photographs, this truth {scored.results.n:,}: not comparable with the benchmark"
        )
    if options.output_path is not None:
        record.write_run(options.output_path, scored.samples, scored.results)
        scored.notes.append(f"written: {options.output_path}")
    for note in scored.notes:
        print(f"globe-eval: {note}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps(_flat(scored.results), ensure_ascii=False))
    else:
        print(table.result_table(scored.results))
    _refuse_incomplete([scored.results])
    return 0


def _table(options: argparse.Namespace) -> int:
    from globe_eval.reports import table
    from globe_eval.runs import record

    print(table.compact_table([record.read_results(folder) for folder in options.runs]))
    return 0


def _ls(options: argparse.Namespace) -> int:
    from tabulate import tabulate

    if options.what == "models":
        from globe_eval import models

        print(tabulate(models.DESCRIPTIONS.items(), headers=["model", "what it is"]))
        return 0
    from globe_eval.benchmarks import definition

    rows: list[list[Any]] = []
    found = definition.definitions([definition.tasks_folder(), *options.include_path])
    for name, one in sorted(found.items()):
        metadata = one.values.get("metadata") or {}
        if one.is_group:
            rows.append([name, "", "group", "", "", ", ".join(map(str, one.values["task"]))])
            continue
        decoding = one.values.get("decoding", "greedy")
        rows.append(
            [
                name,
                metadata.get("n"),
                _task_form(one.values),
                one.values.get("prompt", "globe_readme"),
                decoding,
                metadata.get("description", ""),
            ]
        )
    print(
        tabulate(
            rows, headers=["task", "n", "answers", "prompt", "decoding", "what it is"], maxcolwidths=[None] * 5 + [60]
        )
    )
    return 0


def _validate(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks import definition

    wrong = 0
    for path in options.files:
        found = definition.problems(path)
        wrong += bool(found)
        for problem in found:
            print(problem, file=sys.stderr)
        if not found:
            print(f"{path}: ok")
    return InputError.exit_code if wrong else 0


def _definition(name: str) -> dict[str, Any]:
    from globe_eval.benchmarks import definition

    known = definition.definitions([definition.tasks_folder()])
    if name not in known or known[name].is_group:
        tasks = [task for task in known if not known[task].is_group]
        raise InputError(f"unknown task {name!r}{nearest(name, tasks)} (allowed: {', '.join(sorted(tasks))})")
    return known[name].values


def _task_form(values: dict[str, Any]) -> str:
    from globe_eval.benchmarks.prompts import PROMPTS

    prompt = PROMPTS.get(values.get("prompt", "globe_readme"))
    return str(values.get("answer_form") or (prompt.answer_form if prompt else ""))


def _flat(results: Any) -> dict[str, Any]:
    """A result as one JSON object: metric -> value, and beside them intervals, status counts and identity."""
    whole = json.loads(results.model_dump_json())
    metrics, valid = whole.pop("metrics"), whole.pop("valid_only")
    return {
        **whole,
        **{name: figure["value"] for name, figure in metrics.items()},
        "interval": {name: [figure["low"], figure["high"]] for name, figure in metrics.items()},
        "valid_only": {
            "n": valid["located"]["n"] if "located" in valid else 0,
            **{name: figure["value"] for name, figure in valid.items() if name != "located"},
        },
    }


def _refuse_incomplete(many: Sequence[Any]) -> None:
    lacking = [
        f"{results.task}: {results.status['error']:,} of {results.n:,}" for results in many if not results.complete
    ]
    if lacking:
        raise IncompleteRun(f"incomplete, photographs without an answer (status error): {'; '.join(lacking)}")


def _apply_config(options: argparse.Namespace) -> None:
    """Options of a YAML file; what stands on the command line wins."""
    import yaml

    from globe_eval.benchmarks.definition import read_definition

    try:
        values = read_definition(options.config).values
    except yaml.YAMLError as error:
        raise InputError(f"{options.config}: {error}") from None
    defaults = vars(_parser().parse_args(["run"]))
    allowed = sorted(set(defaults) - {"verb", "config"})
    for key, value in values.items():
        if key not in allowed:
            raise InputError(
                f"{options.config}: unknown key {key!r}{nearest(key, allowed)} (allowed: {', '.join(allowed)})"
            )
        if getattr(options, key) != defaults[key]:
            continue
        if key in ("tasks", "include_path", "model_args", "gen_kwargs"):
            if isinstance(value, dict):
                value = [f"{name}={inner}" for name, inner in value.items()]
            value = [value] if isinstance(value, str) else value
        if key == "include_path":
            value = [Path(folder) for folder in value]
        setattr(options, key, Path(value) if key == "output_path" else value)


def _key_values(option: str, parts: Sequence[str]) -> dict[str, Any]:
    """`k=v,k=v` and `k=v k=v` as a dict, values as lm-eval casts them; a value of JSON brackets may hold commas."""
    result: dict[str, Any] = {}
    for part in parts:
        for item in _split(part):
            key, equals, value = item.partition("=")
            if not equals or not key:
                raise InputError(f"{option}: found {item!r}; each argument is key=value, with , between")
            result[key.strip()] = _cast(value)
    return result


def _split(text: str) -> list[str]:
    items, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            items.append("")
        else:
            items[-1] += character
    return [item for item in items if item.strip()]


def _cast(value: str) -> Any:
    if value[:1] in "[{" and value[:1]:
        try:
            return json.loads(value)
        except ValueError:
            return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _limit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not value > 0 or (value > 1 and value != int(value)):
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a count from 1, or a share between 0 and 1")
    return int(value) if value >= 1 else value


if __name__ == "__main__":
    entry()
