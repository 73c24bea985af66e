"""`globe-eval ask`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from globe_eval.commands import arguments
from globe_eval.commands.parser import Parser, add_output
from globe_eval.errors import IncompleteRun

SENTENCE = "Ask a model where pictures were taken, without a truth and without scores."
WORDS = "--images DIR --model NAME [options]"
EXAMPLE = "globe-eval ask --images photos --model endpoint -a base_url=http://gpu/v1"


def add_arguments(parser: Parser) -> None:
    """The arguments."""
    parser.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    parser.add_argument("--model", metavar="NAME", required=True, help="endpoint, hf-multimodal, vllm-vlm, constant")
    parser.add_argument("--model_args", "-a", nargs="+", metavar="K=V,…", default=[], help="arguments of the model")
    parser.add_argument("--prompt", metavar="NAME", help="default localizability: country, city and a confidence")
    parser.add_argument(
        "--limit", "-L", type=arguments.limit, metavar="N", help="only the first N pictures (a share if below 1)"
    )
    parser.add_argument("--batch_size", "-b", metavar="N", help="of models in this process (default 1; vLLM's own)")
    parser.add_argument("--device", metavar="DEVICE", help="of models in this process: cuda, cuda:0, cpu, mps")
    parser.add_argument("--gen_kwargs", nargs="+", metavar="K=V,…", default=[], help="decoding, over the prompt's own")
    parser.add_argument("--max_side", type=arguments.count, metavar="N", help="scale larger pictures down to this side")
    add_output(parser, help="where page, table and journal are written (default globe_eval_runs/MODEL)")
    parser.add_argument("--fresh", action="store_true", help="start over, instead of going on with what was answered")
    parser.add_argument("--open", action="store_true", help="show the page in the browser")


def run(options: argparse.Namespace) -> int:
    """Ask, and write a page and a table of the answers."""
    from globe_eval.runs.run import Request, model_label  # first: it sets what lm-eval reads on import

    model_args = arguments.key_values("--model_args", options.model_args)
    request = Request(
        model=options.model,
        tasks=(),
        model_args=model_args,
        prompt=options.prompt,
        limit=options.limit,
        batch_size=int(options.batch_size) if str(options.batch_size).isdigit() else options.batch_size,
        device=options.device,
        gen_kwargs=arguments.key_values("--gen_kwargs", options.gen_kwargs),
        output_path=options.output_path,
        max_side=options.max_side,
        fresh=options.fresh,
    )
    from globe_eval.reports.page.ask_page import write_ask_page
    from globe_eval.runs.ask import ask
    from globe_eval.runs.process import interruptible

    with interruptible():
        asked = ask(request, options.images)
    name = str(model_args.get("model") or model_args.get("pretrained") or model_label(options.model, {}))
    page, table = write_ask_page(asked.samples, asked.images, asked.folder, name)
    for path in (page, table):
        print(f"written: {path}")
    if options.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    print("Nobody checked these answers. Do not use them to find or follow people.", file=sys.stderr)
    errors = [sample for sample in asked.samples if sample.error is not None]
    if errors:
        raise IncompleteRun(
            f"{len(errors):,} of {len(asked.samples):,} pictures have no answer ({errors[0].id}: {errors[0].error}); "
            "start the same command again to ask them again"
        )
    return 0
