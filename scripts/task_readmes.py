"""`make tasks`: the README.md of each folder of `tasks/`, from what its YAMLs and the prompts say of themselves."""

from __future__ import annotations

from pathlib import Path

from globe_eval.benchmarks.definition import Definition, shipped, tasks_folder
from globe_eval.benchmarks.listing import answer_form, variants_of
from globe_eval.benchmarks.prompts import DECODINGS, PROMPTS, SHORT_NAMES

DEFAULT = "globe_readme"
MATCHES = {
    "globe_readme": "the command in GLOBE's README (lingli1996/GLOBE at cfc439b)",
    "globe_eval": "the evaluation script of GLOBE (lingli1996/GLOBE at cfc439b)",
    "published_coordinates": "methods that answer with coordinates: retrieval, classification, generative",
}
"""Tag -> the published setting that a variant under this tag matches."""


def readmes() -> dict[Path, str]:
    """Path of each README -> its text; the group of all of GLOBE's benchmarks, in no folder of its own, has none."""
    known = shipped()
    folders = sorted({one.path.parent for one in known.values()} - {tasks_folder()})
    return {folder / "README.md": _readme(folder, known) for folder in folders}


def _readme(folder: Path, known: dict[str, Definition]) -> str:
    variants = variants_of(known)
    here = {name: one for name, one in sorted(known.items()) if one.path.parent == folder}
    tasks = [name for name, one in here.items() if name not in variants and not one.is_group]
    groups = [f"`{name}`: {', '.join(map(str, one.values['task']))}" for name, one in here.items() if one.is_group]
    parts = [f"# {folder.name}", "Written by `make tasks` from the YAMLs in this folder; edit those."]
    parts += [_about(name, here[name]) for name in tasks]
    if groups:
        parts += ["## Groups", *groups]
    rows = [_row(name, one, variants) for name, one in here.items() if not one.is_group]
    parts += [
        "## Tasks and variants",
        "| task | answers | prompt | decoding | published setting that it matches |\n|---|---|---|---|---|\n"
        + "\n".join(rows),
        *([] if "doc_to_text" in here[tasks[0]].values else _asked_otherwise(tasks[0])),
        "## Checklist of lm-eval's new tasks",
        _checklist([here[name] for name in tasks]),
    ]
    return "\n\n".join(parts) + "\n"


def _about(name: str, one: Definition) -> str:
    metadata = one.values["metadata"]
    lines = [
        f"## {name}",
        f"{metadata['description']}.",
        "",
        f"- Paper: {metadata['citation']}",
        f"- Licence: {metadata['license']}",
        f"- Photographs: {metadata['n']:,} (task version {metadata['version']})",
        f"- Source: {metadata['source']}",
        *([f"- Hub: `{metadata['hub']}`"] if metadata.get("hub") else []),
        *[
            f"- Manifest of version {one}: SHA-256 `{sha}`"
            for one, sha in (metadata.get("manifest_sha256") or {}).items()
        ],
        *[f"- Table: SHA-256 `{sha}` is {table}" for sha, table in (metadata.get("known_truth") or {}).items()],
        *[f"- {defect}" for defect in metadata.get("defects") or ()],
    ]
    return "\n".join(lines)


def _row(name: str, one: Definition, variants: dict[str, str]) -> str:
    prompt, decoding = str(one.values.get("prompt", DEFAULT)), str(one.values.get("decoding", "greedy"))
    settings = DECODINGS[decoding]
    how = f"{'temperature ' + str(settings['temperature']) if settings['do_sample'] else 'greedy'}, "
    length = (one.values.get("generation_kwargs") or {}).get("max_gen_toks", settings["max_gen_toks"])
    match = MATCHES[str(one.values["tag"])] if name in variants else "none: the main variant"
    asked = f'"{one.values["doc_to_text"]}"' if "doc_to_text" in one.values else f"`{prompt}`"
    return f"| `{name}` | {answer_form(one.values)} | {asked} | {how}{length:,} tokens | {match} |"


def _asked_otherwise(task: str) -> list[str]:
    names = {long: short for short, long in SHORT_NAMES.items()}
    rows = [
        f"| `{names.get(name, name)}` | {prompt.answer_form} | {prompt.about} |" for name, prompt in PROMPTS.items()
    ]
    return [
        f"Any of them is asked in other words with an option: `globe-eval --tasks {task} --prompt coordinates`, or "
        f'`lm_eval run --include_path tasks --tasks {task} --metadata \'{{"prompt": "coordinates"}}\'`.',
        "| `--prompt` | answers | asks for |\n|---|---|---|\n" + "\n".join(rows),
    ]


def _checklist(tasks: list[Definition]) -> str:
    """The questions are lm-eval's own (templates/new_yaml_task/README.md of its repository)."""
    metadata = [one.values["metadata"] for one in tasks]
    published = all(one["citation"] != "globe-eval" for one in metadata)
    unverified = sorted({str(what) for one in metadata for what in one.get("unverified") or ()})
    known = not unverified and any(one.get("known_truth") for one in metadata)
    truth = "compared with the released tables, whose SHA-256 stand above" if known else "read from the released table"
    if unverified:
        truth = f"not compared with the original yet: {', '.join(unverified)}"

    def line(done: bool, question: str, answer: str = "", depth: int = 0) -> str:
        return f"{'  ' * depth}- [{'x' if done else ' '}] {question}{' ' + answer if answer else ''}"

    return "\n".join(
        [
            line(published, "Is the task an existing benchmark in the literature?"),
            line(published, "Have you referenced the original paper that introduced the task?", depth=1),
            line(
                published and known,
                "If yes, does the original paper provide a reference implementation? If so, have you checked against "
                "the reference implementation and documented how to run such a test?",
                f"The truth is {truth}. The figures of GLOBE's released code are computed bit for bit as `globe_…` "
                "(`tests/metrics/test_globe.py`).",
                depth=1,
            ),
            line(True, 'Is the "Main" variant of this task clearly denoted?'),
            line(True, "Have you provided a short sentence in a README on what each new variant adds / evaluates?"),
            line(True, "Have you noted which, if any, published evaluation setups are matched by this variant?"),
        ]
    )


if __name__ == "__main__":
    for path, text in readmes().items():
        path.write_text(text, encoding="utf-8")
