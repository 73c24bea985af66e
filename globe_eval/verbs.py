"""What each verb of the command line does with its options; the exit code comes back."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from globe_eval import arguments
from globe_eval.errors import IncompleteRun, InputError


def run(options: argparse.Namespace) -> int:
    """Evaluate a model on tasks."""
    for name in ("model", "tasks"):
        if not getattr(options, name):
            raise InputError(f"--{name} is missing (see globe-eval ls {name if name == 'tasks' else 'models'})")
    from globe_eval.reports import table
    from globe_eval.runs import run
    from globe_eval.runs.interrupt import interruptible

    names = [name for part in options.tasks for name in part.split(",") if name]
    request = run.Request(
        model=options.model,
        tasks=names,
        model_args=arguments.key_values("--model_args", options.model_args),
        include_path=options.include_path,
        prompt=options.prompt,
        limit=options.limit,
        batch_size=int(options.batch_size) if str(options.batch_size).isdigit() else options.batch_size,
        shard=arguments.shard(options.shard),
        fresh=options.fresh,
        prices=_prices(options),
        device=options.device,
        gen_kwargs=arguments.key_values("--gen_kwargs", options.gen_kwargs),
        output_path=options.output_path,
        distance=options.distance,
        geocoder=options.geocoder,
        seed=options.seed,
        system_instruction=options.system_instruction,
        max_pixels=options.max_pixels,
        max_side=options.max_side,
        exclude_overlap=options.exclude_overlap,
        command=_command(options),
        max_cost=options.max_cost,
        repeats=options.repeats,
        judge=arguments.key_values("--judge", options.judge) or None,
        ask_localizable=arguments.key_values("--ask_localizable", options.ask_localizable) or None,
    )
    if options.max_cost is not None and request.prices is None:
        raise InputError("--max_cost: no cost is known without prices; give --price_in and --price_out")
    if options.dry_run:
        from globe_eval.runs.dry_run import describe

        print(describe(request))
        return 0
    with interruptible():
        finished = run.run(request)
    if not finished:  # a process that helps another one
        return 0
    if options.format == "json":
        print(json.dumps({one.results.task: _flat(one.results) for one in finished}, ensure_ascii=False))
    else:
        print("\n\n".join(table.result_table(one.results) for one in finished))
        if len(finished) > 1:
            print("\n" + table.compact_table([one.results for one in finished]))
    for one in finished:
        _warn_of_coordinates(one.results)
        for note in one.notes:
            print(f"globe-eval: {one.results.task}: {note}", file=sys.stderr)
        print(f"written: {one.folder}", file=sys.stderr)
    again = ", without --fresh," if options.fresh else ""
    reason = next((one.reason for one in finished if one.reason), None)
    why = f" ({reason})" if reason else ""
    many = [one.results for one in finished]
    _refuse_incomplete(many, f"{why}; start the same command again{again} to ask them again")
    _refuse_unjudged(many)
    return 0


def score(options: argparse.Namespace) -> int:
    """Score a file of answers."""
    from globe_eval.benchmarks import known
    from globe_eval.runs import score
    from globe_eval.runs.assemble import Setting

    task, version, form, n, exhaustive = options.task or "score", "", None, None, None
    defined: dict[str, Any] = {}
    if options.task:
        defined = _definition(options.task)
        task = str(defined["task"])
        version, n = str(defined["metadata"]["version"]), defined["metadata"].get("n")
        exhaustive = defined["metadata"].get("exhaustive_entities")
        form = _task_form(defined)
    scored = score.score_file(
        options.answers,
        options.truth,
        setting=Setting(
            task,
            version,
            "names",
            "",
            "",
            seed=options.seed,
            distance=options.distance,
            geocoder=options.geocoder,
            command=_command(options),
        ),
        columns=score.Columns(**{name: getattr(options, f"{name}_column") for name in score.COLUMN_NAMES}),
        known=known.known_truth(defined) if defined and options.truth is None else None,
        reading=known.reading(defined.get("dataset_kwargs") or {}),
        read=options.read,
        answer_form=options.answer_form,
        benchmark_form=form,
        skip_footer=options.skip_footer,
        skip_unknown_ids=options.skip_unknown_ids,
        entities=options.entities,
        exhaustive=exhaustive,
    )
    if n is not None and n != scored.results.n:
        scored.notes.append(
            f"{task} has {n:,} photographs, this truth {scored.results.n:,}: not comparable with the benchmark"
        )
    return _present(scored, options)


def rescore(options: argparse.Namespace) -> int:
    """Score a run again."""
    from globe_eval.runs import record
    from globe_eval.runs.rescore import rescore

    if options.output_path is not None:
        record.refuse_run(options.output_path, [options.run])
    chosen = {name: getattr(options, name) for name in ("distance", "geocoder", "seed", "answer_form", "entities")}
    judged_by = arguments.key_values("--judge", options.judge) or None
    return _present(rescore(options.run, **chosen, judged_by=judged_by, cache=options.output_path), options)


def merge(options: argparse.Namespace) -> int:
    """Put the shards of a run together."""
    from globe_eval.runs import record
    from globe_eval.runs.merge import merge

    record.refuse_run(options.output_path, options.runs)
    return _present(merge(options.runs), options)


def _present(scored: Any, options: argparse.Namespace) -> int:
    """Write what was scored, where a folder is given, and show it."""
    from globe_eval.reports import table
    from globe_eval.runs import record

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
    _refuse_unjudged([scored.results])
    return 0


def table(options: argparse.Namespace) -> int:
    """Show runs side by side, or each by a part."""
    from globe_eval.reports import table
    from globe_eval.runs import record

    many = [record.read_results(folder) for folder in options.runs]
    if options.by:
        print("\n\n".join(table.breakdown_table(one, options.by) for one in many))
    else:
        print(table.compact_table(many))
    return 0


def report(options: argparse.Namespace) -> int:
    """Write runs as one HTML file."""
    from globe_eval.reports.page.report import write_report

    for path in write_report(
        options.runs,
        options.output_path,
        images=options.images,
        max_images=options.max_images,
        png=options.png,
        csv=options.csv,
        show=options.open,
    ):
        print(f"written: {path}")
    return 0


def ls(options: argparse.Namespace) -> int:
    """List tasks or models."""
    from tabulate import tabulate

    if options.what == "models":
        from globe_eval import models

        print(tabulate(models.DESCRIPTIONS.items(), headers=["model", "what it is"]))
        return 0
    from globe_eval.benchmarks import definition

    found = sorted(definition.definitions([*definition.task_folders(), *options.include_path]).items())
    rows = [(_details if options.details else _summary)(name, one) for name, one in found]
    print(tabulate(rows, headers="keys", maxcolwidths=[None] * (len(rows[0]) - 1) + [60]))
    return 0


def _summary(name: str, task: Any) -> dict[str, Any]:
    """A task in `ls tasks`."""
    values, metadata = task.values, task.values.get("metadata") or {}
    if task.is_group:
        return {"task": name, "answers": "group", "what it is": ", ".join(map(str, values["task"]))}
    return {
        "task": name,
        "n": metadata.get("n"),
        "answers": _task_form(values),
        "prompt": values.get("prompt", "globe_readme"),
        "decoding": values.get("decoding", "greedy"),
        "what it is": metadata.get("description", ""),
    }


def _details(name: str, task: Any) -> dict[str, Any]:
    """A task in `ls tasks --details`; the ceiling is known of what is prepared on this machine."""
    from globe_eval.benchmarks import known

    values, metadata = task.values, task.values.get("metadata") or {}
    if task.is_group:
        return {"task": name, "answers": "group", "licence": ", ".join(map(str, values["task"]))}
    form = _task_form(values)
    reach = None if form == "coordinates" else (known.ceilings(values) or {}).get(form)
    best = " / ".join(f"{100 * share:.1f}" for share in reach["ceiling"].values()) if reach else "prepare it to know"
    return {
        "task": name,
        "version": metadata.get("version"),
        "n": metadata.get("n"),
        "not verified": "n" if "n" in (metadata.get("unverified") or ()) else "",
        "answers": form,
        "ceiling, % within 1 / 25 / 200 / 750 / 2,500 km": "100" if form == "coordinates" else best,
        "licence": metadata.get("license", ""),
    }


def validate(options: argparse.Namespace) -> int:
    """Say what is wrong with task YAMLs."""
    from globe_eval.benchmarks import validate

    wrong = 0
    for path in options.files:
        found = validate.problems(path, data=True)
        wrong += bool(found)
        for problem in found:
            print(problem, file=sys.stderr)
        if not found:
            print(f"{path}: ok")
    return InputError.exit_code if wrong else 0


def new(options: argparse.Namespace) -> int:
    """Write the YAML of a benchmark."""
    from globe_eval.benchmarks.manifest import ROLES
    from globe_eval.benchmarks.new import new

    columns = {role: column for role in ROLES if (column := getattr(options, f"{role}_column"))}
    path = new(options.name, options.truth, options.images, options.folder, columns=columns)
    print(f"written: {path}")
    print(f"now: globe-eval --model constant --tasks {options.name} --include_path {path.absolute().parent}")
    return 0


def prepare(options: argparse.Namespace) -> int:
    """Make and check the manifest of a benchmark from what the user has downloaded."""
    from globe_eval.benchmarks.prepare import describe, prepare, refuse_unwritten

    prepared = prepare(
        options.task,
        images=options.images,
        truth=options.truth,
        out=options.output_path,
        against=options.against,
        fix_swapped=options.fix_swapped,
        allow_missing=options.allow_missing,
        include_path=options.include_path,
    )
    print(describe(prepared))
    refuse_unwritten(prepared)
    return 0


def _command(options: argparse.Namespace) -> str:
    """The command as it was given, without secrets."""
    from globe_eval.secrets import without_secrets

    def clean(item: str) -> str:
        name, equals, value = str(without_secrets({"": item})[""]).partition("=")
        if value[:1] == "{":
            try:
                value = json.dumps(without_secrets(json.loads(value)))
            except ValueError:
                value = "(removed)"
        return f"{name}={without_secrets({name: value})[name]}" if equals else name

    words = []
    for word in options.given:
        option, equals, rest = word.partition("=") if word.startswith("--") else ("", "", word)
        words.append(option + equals + ",".join(map(clean, arguments.split(rest))))
    return shlex.join(["globe-eval", *(words[1:] if words[:1] == ["run"] else words)])


def _definition(name: str) -> dict[str, Any]:
    """The keys of a task, given by its name or the path of its YAML. Raises InputError."""
    from globe_eval.benchmarks import definition, validate

    found = definition.find(name)
    if found.is_group:
        tasks = ", ".join(map(str, found.values["task"]))
        raise InputError(f"{name} is a group; score answers to one of its tasks: {tasks}")
    if name.endswith((".yaml", ".yml")) and (problems := validate.problems(found.path)):
        raise InputError(str(problems[0]))
    return found.values


def _task_form(values: dict[str, Any]) -> Any:
    from globe_eval.benchmarks.prompts import find_prompt

    prompt = find_prompt(values.get("prompt", "globe_readme"))
    return values.get("answer_form") or (prompt.answer_form if prompt else None)


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


def _warn_of_coordinates(results: Any) -> None:
    if results.images and results.images.with_coordinates:
        print(
            f"globe-eval: {results.task}: {results.images.with_coordinates:,} of {results.n:,} pictures carried their "
            "coordinates in metadata; the model never sees it",
            file=sys.stderr,
        )


def _refuse_incomplete(many: Sequence[Any], advice: str = "") -> None:
    lacking = [
        f"{results.task}: {results.status['error']:,} of {results.n:,}" for results in many if not results.complete
    ]
    if lacking:
        raise IncompleteRun(f"incomplete, photographs without an answer (status error): {'; '.join(lacking)}{advice}")


def _refuse_unjudged(many: Sequence[Any]) -> None:
    """A judge that was never heard is no judgement that found nothing."""
    for results in many:
        if results.judge is not None and results.judge.reason is not None:
            raise IncompleteRun(
                f"{results.task}: the judge {results.judge.model} answered no question "
                f"({results.judge.reason}); start the same command again to ask it again"
            )


def _prices(options: argparse.Namespace) -> Any:
    from globe_eval.runs.usage import Prices

    if options.price_in is None and options.price_out is None:
        return None
    if options.price_in is None or options.price_out is None:
        raise InputError("--price_in and --price_out: give both, or none")
    return Prices(options.price_in, options.price_out)
