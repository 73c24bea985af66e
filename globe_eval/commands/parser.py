"""The argument parser: flags in either spelling, help that begins with a sentence, errors of one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from globe_eval.commands import arguments
from globe_eval.errors import InputError, nearest

DISTANCES = ("geodesic", "haversine")
GEOCODERS = ("geonames", "nominatim", "azure")
ANSWER_FORMS = ("names", "address", "coordinates", "any")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """`--tasks TASK …` for what argparse writes as `--tasks TASK [TASK ...]`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        return f"{action.metavar} …" if action.nargs == "+" else super()._format_args(action, default_metavar)


class Command(NamedTuple):
    """A command: what it does, what it wants, one that works, its arguments; a module with these names is one too."""

    SENTENCE: str
    WORDS: str
    EXAMPLE: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose flags may be written with `-` or `_`, and whose help begins with what the command does.

    Args:
        sentence: what the command does; the first line of its help.
        words: what the command wants after its name, for the usage line.
        example: one command line that works; the last line of its help.

    Raises InputError, one line, for what cannot be used; an unknown flag or choice is told its nearest match.
    """

    def __init__(self, *, sentence: str = "", words: str = "[options]", example: str = "", **more: Any) -> None:
        more.setdefault("epilog", f"example:\n  {example}" if example else None)
        super().__init__(usage=f"%(prog)s {words}", formatter_class=_Formatter, **more)
        self.sentence = sentence
        self._add_arguments: Callable[[Parser], None] | None = None

    def add_commands(self, commands: Mapping[str, Any]) -> None:
        """Commands by their name: each a `Command`, or a module with its names."""
        subparsers = self.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
        for name, command in commands.items():
            parser = subparsers.add_parser(
                name,
                prog=f"{self.prog} {name}",
                help=command.SENTENCE,
                sentence=command.SENTENCE,
                words=command.WORDS,
                example=command.EXAMPLE,
            )
            parser._add_arguments = command.add_arguments
            if hasattr(command, "run"):
                parser.set_defaults(command=command.run)

    def fill(self) -> None:
        """Add the arguments of a command, the first time that they are needed: most are of commands not given."""
        add, self._add_arguments = self._add_arguments, None
        if add is not None:
            add(self)

    def format_help(self) -> str:
        """The sentence before all that argparse writes."""
        self.fill()
        return f"{self.sentence}\n\n{super().format_help()}"

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read flags in either spelling, and refuse an unknown one before anything else is said to be missing."""
        self.fill()
        words = list(args or ())
        if self._subparsers is None:
            end = words.index("--") if "--" in words else len(words)
            words = [self._flag(word) for word in words[:end]] + words[end:]
        return super().parse_known_args(words, namespace)

    def _flag(self, word: str) -> str:
        """A flag in the spelling that the parser has; a beginning of it is enough, where it begins no other."""
        if not word.startswith("--") or word == "--":
            return word
        name, equals, value = word.partition("=")
        flags = {flag.replace("_", "-"): flag for flag in self._option_string_actions}
        given = name.replace("_", "-")
        found = [given] if given in flags else [flag for flag in flags if flag.startswith(given)]
        if not found:
            raise InputError(f"unknown option {name!r}{nearest(given, flags)} (see {self.prog} --help)")
        if len(found) > 1:
            self.error(f"ambiguous option {name!r}: {', '.join(flags[flag] for flag in found)}")
        return flags[found[0]] + equals + value

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """The nearest choice, for a value that is none of them."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action, f"invalid choice: {value!r}{nearest(str(value), choices)} (choose from {', '.join(choices)})"
            )

    def error(self, message: str) -> Any:
        """One line, like every other error of the user's."""
        raise InputError(f"{message} (see {self.prog} --help)")


def add_runs(parser: Parser, help: str = "folder with samples.jsonl and results.json") -> None:
    """Add RUN …, folders of runs."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help=help)


def add_run(parser: Parser) -> None:
    """Add RUN, the folder of one run."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder with samples.jsonl and results.json")


def add_output(parser: Parser, help: str = "write samples.jsonl and results.json there", **more: Any) -> None:
    """Add --output_path."""
    parser.add_argument("--output_path", "-o", type=Path, help=help, **{"metavar": "DIR", **more})


def add_format(parser: Parser) -> None:
    """Add --format."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="what standard output shows")


def add_ids(parser: Parser, of: str) -> None:
    """Add --ids: how the ids of photographs are written."""
    parser.add_argument(
        "--ids",
        choices=("whole", "digest"),
        default="whole",
        help=f"{of}: as the benchmark has them (default), or SHA-256 of them, 16 digits",
    )


def add_include_path(parser: Parser) -> None:
    """Add --include_path: folders of YAMLs beside the shipped ones."""
    parser.add_argument(
        "--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your own tasks"
    )


def add_model(parser: Parser, models: str, *, of: str, required: bool = False) -> None:
    """The model, its arguments and decoding, and how many pictures are asked about; `of` is what they are called."""
    parser.add_argument("--model", metavar="NAME", required=required, help=models)
    parser.add_argument("--model_args", "-a", nargs="+", metavar="K=V,…", default=[], help="arguments of the model")
    parser.add_argument(
        "--limit", "-L", type=arguments.limit, metavar="N", help=f"only the first N {of} (a share if below 1)"
    )
    parser.add_argument(
        "--batch_size",
        "-b",
        type=arguments.batch_size,
        metavar="N",
        help="of models in this process (default 1; vLLM's own)",
    )
    parser.add_argument("--device", metavar="DEVICE", help="of models in this process: cuda, cuda:0, cpu, mps")
    parser.add_argument("--gen_kwargs", nargs="+", metavar="K=V,…", default=[], help="decoding, over the prompt's own")
    parser.add_argument(
        "--max_side", type=arguments.count, metavar="N", help=f"scale larger {of} down to this longer side"
    )
    parser.add_argument("--fresh", action="store_true", help="start over, instead of going on with what was answered")


def model_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_model` as fields of a `runs.run.Request`."""
    return {
        "model": options.model,
        "model_args": arguments.key_values("--model_args", options.model_args),
        "prompt": options.prompt,
        "limit": options.limit,
        "batch_size": options.batch_size,
        "device": options.device,
        "gen_kwargs": arguments.key_values("--gen_kwargs", options.gen_kwargs),
        "output_path": options.output_path,
        "max_side": options.max_side,
        "fresh": options.fresh,
    }


def add_scoring(parser: Parser, *, of_run: bool = False, seed_of: str = "the intervals") -> None:
    """How answers are scored: the distance, the geocoder, a seed. `of_run`: as the run was, unless given."""
    for flag, choices, default in (("--distance", DISTANCES, "WGS84"), ("--geocoder", GEOCODERS, "embedded, offline")):
        parser.add_argument(
            flag,
            choices=choices,
            default=None if of_run else choices[0],
            help="default: the run's" if of_run else f"default {choices[0]} ({default})",
        )
    seed, shown = (None, "the run's") if of_run else (0, "0")
    parser.add_argument("--seed", type=int, default=seed, metavar="N", help=f"of {seed_of} (default {shown})")


def add_judge(parser: Parser) -> None:
    """Add --judge."""
    parser.add_argument(
        "--judge",
        nargs="+",
        metavar="K=V,…",
        default=[],
        help="a model that judges the reasoning: base_url=…,model=… of an OpenAI-compatible endpoint (default: none)",
    )


def add_columns(parser: Parser, roles: Sequence[str]) -> None:
    """`--ROLE-column` for each role; help shows the first and names the others."""
    first, *others = roles
    likewise = ", ".join(f"--{role}-" for role in others)
    help = f"a column with an unusual name; likewise {likewise}column"
    parser.add_argument(f"--{first}-column", metavar="NAME", help=help)
    for role in others:
        parser.add_argument(f"--{role}-column", metavar="NAME", help=argparse.SUPPRESS)
