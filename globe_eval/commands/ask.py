from __future__ import annotations

import argparse
import sys
from pathlib import Path

from globe_eval.commands.parser import Parser, add_model, add_output, model_options
from globe_eval.commands.present import first_failure
from globe_eval.errors import IncompleteRun

SENTENCE = "Ask a model where pictures were taken, without a truth and without scores."
WORDS = "--images DIR --model NAME [options]"
EXAMPLE = "globe-eval ask --images photos --model endpoint -a base_url=http://gpu/v1"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    add_model(parser, "endpoint, hf-multimodal, vllm-vlm, constant", of="pictures", required=True)
    parser.add_argument("--prompt", metavar="NAME", help="default localizability: country, city and a confidence")
    add_output(parser, help="where page, table and journal are written (default globe_eval_runs/MODEL)")
    parser.add_argument("--open", action="store_true", help="show the page in the browser")


def run(options: argparse.Namespace) -> int:
    from globe_eval.runs.run import Request  # first: it sets what lm-eval reads on import

    request = Request(tasks=(), **model_options(options))
    from globe_eval.reports.page.ask_page import write_ask_page
    from globe_eval.runs.ask import ask
    from globe_eval.runs.process import interruptible

    with interruptible():
        asked = ask(request, options.images)
    page, table = write_ask_page(asked.samples, asked.images, asked.folder, asked.model)
    for path in (page, table):
        print(f"written: {path}")
    if options.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    print("Nobody checked these answers. Do not use them to find or follow people.", file=sys.stderr)
    unanswered = [sample for sample in asked.samples if sample.status == "error"]
    if unanswered:
        raise IncompleteRun(
            f"{len(unanswered):,} of {len(asked.samples):,} pictures have no answer ({first_failure(unanswered)}); "
            "start the same command again to ask them again"
        )
    return 0
