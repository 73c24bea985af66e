from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands.parser import Parser, add_include_path, add_output
from globe_eval.errors import InputError

SENTENCE = "Write a benchmark as one zip file to hand on, or as a folder for the hub."
WORDS = "TASK [options]"
EXAMPLE = "globe-eval pack my_city.yaml"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("task", metavar="TASK", help="a YAML, or a name with --include_path")
    add_include_path(parser)
    parser.add_argument("--hub", action="store_true", help="a folder with a card, which load_dataset reads, no zip")
    parser.add_argument("--hashes-only", action="store_true", help="of --hub: the SHA-256 of the pictures, not them")
    add_output(parser, metavar="PATH", help="default TASK.zip here, or TASK_hub")


def run(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks.definition import find
    from globe_eval.benchmarks.pack import pack, write_hub_folder

    definition = find(options.task, options.include_path)
    if options.hashes_only and not options.hub:
        raise InputError("--hashes-only: is of a folder for the hub; give --hub too")
    if options.hub:
        path = options.output_path or Path(f"{definition.name}_hub")
        write_hub_folder(definition, path, hashes_only=options.hashes_only)
        if options.hashes_only:
            print(f"written: {path} (no pictures; whoever has them puts them into {path / 'images'})")
        else:
            print(f"written: {path} (pass pictures on only where their license allows it)")
            print(f"now: globe-eval --model constant --tasks {path}")
        print(f"to the hub: hf upload OWNER/NAME {path} . --repo-type dataset")
        return 0
    path = pack(definition, options.output_path)
    print(f"written: {path} (pictures without metadata; pass them on only where their license allows it)")
    print(f"now, anywhere: globe-eval --model constant --tasks {path.name}")
    return 0
