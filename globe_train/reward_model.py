"""The localizability reward model: sees a picture and a reasoning, and its next word is yes or no.

trl's RewardTrainer reads text alone, so it is trained like any answer (SFTTrainer), as GLOBE's is; its reward is the
probability of yes among yes and no at the first token. In the same process it is a batched forward pass; behind an
OpenAI-compatible endpoint (`vllm serve FOLDER`) one request a completion, asked concurrently.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.errors import InputError, reason_of
from globe_eval.files import read_json_lines
from globe_eval.metrics.localizability import auroc
from globe_eval.models import torchvision_cpu
from globe_train import card, checkpoint
from globe_train.data import Examples, examples_of, judge_messages
from globe_train.laptop import missing_reason
from globe_train.recipe import Recipe, check_libraries
from globe_train.rewards import Completion, Reward, Rewards, text_of
from globe_train.train import sft_trainer, start_from, train

YES = ("yes", "Yes", "YES", " yes", " Yes")
NO = ("no", "No", "NO", " no", " No")
"""How the two words may be written: probabilities of all spellings are added up."""

TEMPERATURE, TOP_LOGPROBS = 0.0, 20
ATTEMPTS = 6
WAIT_SECONDS = 1.0
"""A server is asked again after this long, twice as long, and so on."""


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train by a recipe and measure on what was held out; returns the folder, with `card.HELD_OUT` in it."""
    start_from(recipe.output, resume)
    check_libraries(recipe)
    examples, shared = examples_of(recipe)
    if recipe.get("labels"):
        examples = replace(examples, rows=label_rows(examples.rows, recipe))
    learnt, held = hold_out(examples, recipe.get("holdout", 0.1))
    folder = train(recipe, sft_trainer, resume=resume, prepared=(learnt, shared))
    if checkpoint.is_main_process():
        report = measure(folder, held)
        (folder / card.HELD_OUT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        card.write_card(folder)
    return folder


def hold_out(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """Examples to learn from and those held out: whole photographers, chosen by their name, so always the same."""

    def is_held(row: Mapping[str, Any]) -> bool:
        return zlib.crc32(str(row["group"] or row["id"]).encode()) / 2**32 < share

    rows = [row for row in examples.rows if row["localizable"] is not None]
    learnt, held = [row for row in rows if not is_held(row)], [row for row in rows if is_held(row)]
    if not learnt or not held:
        raise InputError(f"{examples.source}: {len(rows):,} rows with a label are too few to hold {share:.0%} out")
    return replace(examples, rows=learnt), replace(examples, rows=held)


def label_rows(rows: Sequence[dict[str, Any]], recipe: Recipe) -> list[dict[str, Any]]:
    """Rows with a run's reasoning in place of theirs, labelled by whether it located the picture.

    `labels: {run: FOLDER, within_km: 200}`; the run is one of globe-eval on these pictures, by their ids.
    """
    labels = recipe["labels"]
    file, within = Path(labels["run"]).expanduser() / "samples.jsonl", float(labels.get("within_km", 200))
    if not file.is_file():
        raise recipe.error(f"labels, run: {file}: no such file", "labels", "run")
    samples = {sample["id"]: sample for sample in read_json_lines(file)}
    found = []
    for row in rows:
        sample = samples.get(row["id"])
        if sample and sample.get("response"):
            near = sample.get("distance_km") is not None and sample["distance_km"] <= within
            found.append({**row, "reasoning": reasoning_of(sample["response"]), "localizable": near})
    if not found:
        raise recipe.error(f"labels, run: {file} answers none of the {len(rows):,} pictures", "labels", "run")
    return found


def reasoning_of(response: str) -> str:
    """The reasoning of a response; the whole response where none is set apart.

    >>> reasoning_of("<think>A red bus.</think><answer>city: London</answer>")
    'A red bus.'
    """
    inside = response.partition("<think>")[2].partition("</think>")
    return (inside[0] if inside[1] else response).strip()


def measure(folder: Path, held: Examples) -> dict[str, Any]:
    """AUROC (0 to 1, higher is better; None where one class is missing), Brier score (0 to 1, lower is better)."""
    from PIL import Image
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # this process alone loads the model: shards of it would wait for the others for ever
    ask = local(str(folder))
    said: list[float] = []
    for start in range(0, len(held.rows), 64):
        rows = held.rows[start : start + 64]
        pictures = [Image.open(held.images / row["image"]).convert("RGB") for row in rows]
        said += ask(pictures, [str(row["reasoning"]) for row in rows])
    truth = np.array([float(row["localizable"]) for row in held.rows])
    return {
        "n": len(truth),
        "share_yes": float(truth.mean()),
        "auroc": area if math.isfinite(area := auroc(said, truth)) else None,
        "brier": float(np.mean((np.array(said) - truth) ** 2)),
        "brier_of_the_share": float(truth.mean() * (1 - truth.mean())),
    }


def reward(*, model: str = "", server: str = "", sees: str = "reasoning", timeout: float = 60.0) -> Reward:
    """`r_loc`: by a server where an address is given, else by a model in this process.

    Raises InputError for parameters that do not go together, and where the server does not answer.
    """
    if sees not in ("reasoning", "completion"):
        raise InputError(f"rewards, r_loc: sees: found {sees!r}; allowed: reasoning, completion")
    read = reasoning_of if sees == "reasoning" else str
    if not server:
        if not model:
            raise InputError("rewards, r_loc: give the reward model's folder (model) or a server's address (server)")
        ask = local(model)

        def r_loc(completions: Sequence[Completion], images: Sequence[Any], **_: Any) -> Rewards:
            return list(ask([first(i) for i in images], [read(text_of(c)) for c in completions]))

        return r_loc
    name = reachable(server, model)

    async def r_loc_served(
        completions: Sequence[Completion], images: Sequence[Any], id: Sequence[Any] | None = None, **columns: Any
    ) -> Rewards:
        asked = [
            ask_server(server, name, first(i), read(text_of(c)), timeout)
            for i, c in zip(images, completions, strict=True)
        ]
        values: Rewards = list(await asyncio.gather(*asked))
        failed = [i for i, value in enumerate(values) if value is None]
        if failed and len(failed) == len(values):
            raise InputError(
                f"rewards, r_loc: the server {server} gave no probability for any of {len(values)} answers, asked "
                f"{ATTEMPTS} times; what was trained is in the last checkpoint, go on with --resume"
            )
        if "log_metric" in columns:
            columns["log_metric"]("r_loc/failed", len(failed) / len(values))
        # trl adds None as 0 within a group, where it would punish the answer that the server missed: the group is out.
        lost = {id[i] for i in failed} if id is not None else set()
        return [None if id is not None and id[i] in lost else value for i, value in enumerate(values)]

    return r_loc_served


def first(images: Any) -> Any:
    """The picture of a row, as trl hands it over: a list of one, or itself."""
    return images[0] if isinstance(images, list | tuple) else images


@lru_cache(maxsize=2)
def local(folder: str) -> Any:
    """(pictures, reasonings) -> P(yes) of each, by a model in this process."""
    torchvision_cpu.ensure()
    import torch
    from transformers import AutoModelForImageTextToText

    try:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = AutoModelForImageTextToText.from_pretrained(folder).to(device).eval()  # an adapter brings its base
        processor = checkpoint.load_processor(folder, None)
    except (OSError, ValueError) as error:
        reason = missing_reason(folder) or reason_of(error)
        raise InputError(f"reward model {folder!r}: {reason}") from None
    processor.tokenizer.padding_side = "left"
    yes, no = (first_tokens(processor.tokenizer, words) for words in (YES, NO))
    if set(yes) & set(no):
        raise InputError(f"reward model {folder!r}: yes and no begin with the same token")

    @torch.no_grad()
    def ask(pictures: Sequence[Any], reasonings: Sequence[str]) -> list[float]:
        inputs = processor.apply_chat_template(
            [
                with_picture(judge_messages(text), {"type": "image", "image": picture})
                for picture, text in zip(pictures, reasonings, strict=True)
            ],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(device)
        logits = model(**inputs, logits_to_keep=1).logits[:, -1].double()
        each = torch.stack([logits[:, yes].logsumexp(1), logits[:, no].logsumexp(1)], dim=1)
        return [float(p) for p in each.softmax(dim=1)[:, 0]]

    return ask


def first_tokens(tokenizer: Any, words: Sequence[str]) -> list[int]:
    """The first token of each spelling, but for a lone space, which some tokenizers split off before each word."""
    space, *found = (tokenizer(word, add_special_tokens=False)["input_ids"] for word in (" ", *words))
    return sorted({tokens[0] for tokens in found} - set(space if len(space) == 1 else ()))


def with_picture(asked: list[dict[str, str]], picture: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A question with its picture before the text."""
    system, user = asked
    return [
        {"role": "system", "content": [{"type": "text", "text": system["content"]}]},
        {"role": "user", "content": [picture, {"type": "text", "text": user["content"]}]},
    ]


def reachable(server: str, model: str) -> str:
    """The model's name on a server that answers. Raises InputError where none does, or has no such model."""
    import httpx

    try:
        reply = httpx.get(f"{server.rstrip('/')}/models", timeout=10)
        reply.raise_for_status()
        names = [str(entry["id"]) for entry in reply.json()["data"]]
    except (httpx.HTTPError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"rewards, r_loc: the server {server} does not answer: {error or type(error).__name__}"
        ) from None
    if model and model not in names:
        raise InputError(f"rewards, r_loc: {server} has no model {model!r} (it has: {', '.join(names)})")
    return model or names[0]


async def ask_server(server: str, model: str, picture: Any, reasoning: str, timeout: float) -> float | None:
    """P(yes) by one request; None where the server does not answer after ATTEMPTS, or says neither yes nor no."""
    import httpx

    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    address = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    body = {
        "model": model,
        "messages": with_picture(judge_messages(reasoning), {"type": "image_url", "image_url": {"url": address}}),
        "max_tokens": 1,
        "temperature": TEMPERATURE,
        "logprobs": True,
        "top_logprobs": TOP_LOGPROBS,
    }
    async with httpx.AsyncClient(timeout=timeout) as client:
        for attempt in range(ATTEMPTS):
            try:
                reply = await client.post(f"{server.rstrip('/')}/chat/completions", json=body)
                reply.raise_for_status()
                return yes_probability(reply.json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"])
            except (httpx.HTTPError, KeyError, IndexError, TypeError, ValueError):
                if attempt + 1 < ATTEMPTS:
                    await asyncio.sleep(WAIT_SECONDS * 2**attempt)
    return None


def yes_probability(top: Sequence[Mapping[str, Any]]) -> float | None:
    """P(yes) among yes and no, from the log-probabilities of the likeliest first tokens; None where neither is there.

    >>> yes_probability([{"token": "Yes", "logprob": -0.1}, {"token": "no", "logprob": -0.1}])
    0.5
    """
    p = {word: 0.0 for word in ("yes", "no")}
    for entry in top:
        word = str(entry["token"]).strip().lower()
        if word in p:
            p[word] += math.exp(float(entry["logprob"]))
    total = p["yes"] + p["no"]
    return p["yes"] / total if total > 0 else None
