from __future__ import annotations

import argparse

from globe_eval.commands.parser import Parser, add_format, add_output, add_runs
from globe_eval.commands.present import present

SENTENCE = "Put the shards of a run together."
WORDS = "RUN [RUN …] -o DIR"
EXAMPLE = "globe-eval merge out/osv5m_test/shard-*-of-8 -o out/osv5m_test/merged"


def add_arguments(parser: Parser) -> None:
    add_runs(parser, help="folder that a run with --shard wrote")
    add_output(parser, required=True)
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    from globe_eval.runs import record
    from globe_eval.runs.merge import merge

    record.refuse_run(options.output_path, options.runs)
    return present(merge(options.runs), options)
