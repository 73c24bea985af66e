"""The command line. What a command needs is imported inside it, so that `--help` is instant.

Exit codes: 0 done; 2 the input cannot be used (nothing was written); 3 incomplete (some photographs have no answer);
130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module

from globe_eval import __version__, secrets
from globe_eval.collector import without_collector
from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser
from globe_eval.errors import IncompleteRun, InputError

SENTENCE = "Benchmarks of image geolocation for vision-language models, on lm-eval."
COMMANDS = {
    name: import_module(f"globe_eval.commands.{name}")
    for name in (
        *("run", "score", "rescore", "merge", "table", "show", "compare", "report", "export", "leaderboard"),
        *("prepare", "new", "pack", "ask", "validate", "ls", "completion"),
    )
}
EXAMPLES = """\
examples:
  globe-eval --model knn --tasks miniworld
  globe-eval --model hf-multimodal --model_args pretrained=ORG/MODEL -t im2gps3k
  globe-eval --model endpoint -a base_url=http://localhost:8000/v1 -t im2gps3k
  globe-eval score predictions.csv --truth im2gps3k_places365.csv
  globe-eval compare RUN_A RUN_B
  globe-eval ls tasks
  globe-eval validate my_city.yaml
"""
WITH_GARBAGE = ("run", "ask", "prepare", "rescore")
"""Commands that go on for long with errors, replies and pictures, which may hold each other."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors of the disk, of which the system does not always say which file they are about."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if words is None else words) or ["--help"]
    if given[0].startswith("-") and given[0] not in ("-h", "--help", "--version"):
        given = ["run", *given]
    try:
        parser = _parser()
        options = parser.parse_args(given)
        options.given, options.parser = given, parser
        with nullcontext() if given[0] in WITH_GARBAGE else without_collector():
            return int(options.command(options))
    except (InputError, IncompleteRun) as error:
        line = secrets.redact(str(error)).replace("\n", "\\n")  # of a name
        print(f"globe-eval: {line}", file=sys.stderr)
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
        done = f": {stopped}; to go on, {arguments.resuming_command(given)}" if stopped.args else ""
        print(f"globe-eval: interrupted{done}", file=sys.stderr)
        return 130


def entry() -> None:
    """The console script."""
    code = main()
    gc.freeze()  # at the end Python looks at all objects several times, for cycles that nobody needs to be rid of
    sys.exit(code)


def _parser() -> Parser:
    parser = Parser(prog="globe-eval", sentence=SENTENCE, words="COMMAND [options]", epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"globe-eval {__version__}")
    parser.add_commands(COMMANDS)
    return parser


if __name__ == "__main__":
    entry()
