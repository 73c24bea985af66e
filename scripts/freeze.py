"""Say whether a refactoring changed a byte of what the command lines print and write.

    python scripts/freeze.py --write before.json --keep before/       # on the commit to hold to
    python scripts/freeze.py --against before.json --keep after/      # on the new tree; diff -r before after

Runs `globe-eval`, `globe-train` and `lm_eval` on small fixed inputs, through their public command lines only, and takes
the SHA-256 of each file that they leave, of standard output, of the exit code and, where the input is wrong, of the
error. Only what differs from start to start is masked first: folders, times, durations, memory, the commit and versions
of packages. Each command is a process of its own, forked from one that has done the slow imports (so: not on Windows).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import importlib
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JOURNAL = ROOT / "tests" / "golden" / "journal.jsonl"
"""Ten answers as version 0.1.0 wrote them down, some of them no floor's, so that reading them shows."""
CHECKPOINT = "globe_train/checkpoints/miniworld_globe"
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
    "LMEVAL_HASHMM": "0",
    "HF_HUB_OFFLINE": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "COLUMNS": "80",
    "PYTHONHASHSEED": "0",
}
IMPORTS = (
    *("numpy", "scipy.stats", "scipy.spatial", "pandas", "pyproj", "shapely"),
    *("torch", "datasets", "lm_eval.evaluator", "lm_eval.api.registry"),
)
UNKEPT = {"training_args.bin", "lock"}  # a pickle of paths; a lock
TIMES = (
    "started|date|duration_seconds|seconds|seconds_to_first_answer|images_per_second|total_evaluation_time_seconds|hours"
    "|mtime_ns|git_commit|train_runtime|train_samples_per_second|train_steps_per_second|step_time"
)
MASKS = [
    (r'"(packages|libraries)":\s*\{[^{}]*\}', r'"\1": {}'),
    (rf'(["\'])({TIMES})\1:\s*[^,}}\n]*', r"\1\2\1: 0"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d[:-]\d\d[:-]\d\d(\.\d+)?(\+00:00|Z)?", "TIME"),
    (r"<dt>(duration|seconds|images per second|seconds to first answer)</dt><dd>[^<]*", r"<dt>\1</dt><dd>0"),
    (r'\n "sha256": "[0-9a-f]{64}"\n\}', '\n "sha256": 0\n}'),
    (r"\| time \| [^,]*", "| time | 0 s"),
    (r"__fixed__names__[0-9a-f]{8}", "__fixed__names__SHA"),  # a row's name is the hash of its times too
    (r"\b[0-9a-f]{40}(-dirty)?\b", "COMMIT"),
    (r'"sum": "[0-9a-f]{16}"', '"sum": 0'),  # of a journal's line, its seconds included
]

PLACES = """\
id,city,country,lat,lon,photographer,scene,localizable,entities
a,Lisbon,Portugal,38.7223,-9.1393,p1,urban,true,"[""yellow tram"", ""cobbled street""]"
b,Paris,France,48.8566,2.3522,p1,urban,true,"[""iron tower""]"
c,Windhoek,Namibia,-22.5609,17.0658,p2,natural,true,"[""red sand"", ""acacia""]"
d,Sydney,Australia,-33.8688,151.2093,p2,urban,true,"[""harbour"", ""white sails""]"
e,Suva,Fiji,-18.1248,178.4501,p3,natural,false,"[""palm trees""]"
f,Nuuk,Greenland,64.1814,-51.6941,p3,rural,true,"[""painted houses"", ""snow""]"
g,Osaka,Japan,34.6937,135.5023,p4,urban,true,"[""neon signs""]"
h,Portland,United States,45.5152,-122.6784,p4,urban,true,"[""bridge"", ""river""]"
i,Quito,Ecuador,-0.1807,-78.4678,p5,rural,false,
j,,,51.5,-0.1,,indoor,false,
"""
RESPONSES = [
    "<think>A yellow tram on a cobbled street, no palm trees.</think><answer>country: Portugal\ncity: Lisbon</answer>",
    "The iron tower shows that this is Paris, France (48.8584, 2.2945). Confidence: 80%",
    "It might be South Africa, but the red sand says Windhoek, Namibia.",
    '{"country": "Australia", "city": "Sydney", "lat": -33.86, "lon": 151.21, "confidence": 0.7}',
    "I cannot help with locating photographs.",
    "",
    "Coordinates: 34°41'37\"N 135°30'8\"E",
    "<answer>country: United States\ncity: Portland</answer>",
    "Somewhere in the Andes, perhaps.",
    "<think>Cars drive on the left; English signs.</think> London, England, United Kingdom",
]
ROWS = list(csv.DictReader(PLACES.splitlines()))
FILES = {
    "truth.csv": PLACES,
    "coordinates.csv": "id,lat,lon\na,38.7,-9.1\nb,48.9,2.4\nc,-22,17\nd,-33.9,151\ne,-18,-179.9\nf,,\n"
    "g,34.7,135.5\nh,43.66,-70.25\ni,0,-78\nj,51.5,-0.12\n",
    "names.csv": "id,city,country\na,Lisboa,Portugal\nb,Paris,USA\nc,,Namibia\nd,Sydney,Canada\ne,Nadi,Fiji\n"
    "f,Nowhere,\ng,Ōsaka,Japan\nh,Portland,\ni,Quito,Ecuador\nj,London,United Kingdom\n",
    "responses.jsonl": "".join(
        json.dumps({"id": row["id"], "response": text}) + "\n" for row, text in zip(ROWS, RESPONSES, strict=True)
    ),
    "own.jsonl": "".join(
        json.dumps({**row, "response": text}) + "\n" for row, text in zip(ROWS[:9], RESPONSES[:9], strict=True)
    ),
    "miniworld.jsonl": "".join(
        json.dumps({"id": f"mw-{n:05d}", "response": RESPONSES[n % 10]}) + "\n" for n in range(300)
    ),
    "few.jsonl": '{"id": "mw-00000", "response": "Paris, France"}\n',
    "entities.jsonl": '{"id": "a", "entities": ["yellow tram"]}\n{"id": "j", "entities": ["left-hand traffic"]}\n',
    "broken.csv": "id,lat,lon\na,98,0\n",
    "broken.yaml": "task: broken\nclass: !function globe_eval.GeoTask\ndataset_kwargs: {truht: x.csv}\n",
    "config.yaml": "model: constant\ntaskss: miniworld\n",
    "own.py": "def vowels(completions, **_):\n"
    "    return [sum(letter in 'aeiou' for letter in turns[0]['content']) / 10 for turns in completions]\n",
    "sft.yaml": "kind: sft\nmodel: student\noutput: sft\n",
    "grpo.yaml": f"kind: grpo\nmodel: {ROOT / CHECKPOINT}\noutput: grpo\nrewards: {{own:vowels: 0.1, r_geo: 1.0, "
    "globe_r_geo: 1.0, r_distance: 1.0, r_f1: 1.0, r_lift: 1.0, globe_r_vis: 1.0, r_format: 1.0}\n",
}
RECIPE = """\
departures: [fixed inputs]
data: {manifest: world/manifest.jsonl}
seed: 1
trainer:
  {per_device_train_batch_size: 8, learning_rate: 0.001, disable_tqdm: true, save_strategy: "no", max_steps: 2,
   logging_steps: 1"""
GRPO = ", num_generations: 4, max_completion_length: 80, beta: 0.001"
COMMANDS = """\
score_coordinates: globe-eval score coordinates.csv --truth truth.csv -o score/coordinates
score_haversine: globe-eval score coordinates.csv --truth truth.csv --distance haversine --format json
score_names: globe-eval score names.csv --truth truth.csv -o score/names
score_responses: globe-eval score responses.jsonl --truth truth.csv -o score/responses
score_own_truth: globe-eval score own.jsonl --seed 3 -o score/own
score_entities: globe-eval score responses.jsonl --truth truth.csv --entities entities.jsonl --format json
constant: globe-eval --tasks miniworld --model constant -o constant
knn: globe-eval --tasks miniworld --model knn --limit 30 -o knn
replay: globe-eval --tasks miniworld --model replay --model_args answers=miniworld.jsonl -o replay
shard_1: globe-eval --tasks miniworld --model knn --limit 30 --shard 1/2 -o shards
shard_2: globe-eval --tasks miniworld --model knn --limit 30 --shard 2/2 -o shards
merge: globe-eval merge shards/miniworld/shard-1-of-2 shards/miniworld/shard-2-of-2 -o shards/merged
resume: globe-eval --tasks miniworld --model constant --limit 24 -o resume
rescore: globe-eval rescore replay/miniworld --distance haversine -o rescored/haversine
rescore_form: globe-eval rescore replay/miniworld --answer-form coordinates --format json
rescore_entities: globe-eval rescore score/responses --entities entities.jsonl -o rescored/entities
table: globe-eval table constant/miniworld knn/miniworld replay/miniworld
table_by: globe-eval table replay/miniworld --by continent
compare: globe-eval compare constant/miniworld replay/miniworld --flips -o compared
compare_scores: globe-eval compare score/coordinates score/names score/responses --format json
model_card: globe-eval export replay/miniworld --to model-card --model_id us/model
eval_results: globe-eval export replay/miniworld --to eval-results --model_id us/model --dataset_id us/data
export_lm_eval: globe-eval export replay/miniworld --to lm-eval --model_id us/model -o exported
leaderboard_check: globe-eval leaderboard check --leaderboards boards
leaderboard_build: globe-eval leaderboard build --leaderboards boards
leaderboard_add: globe-eval leaderboard add replay/miniworld --name fixed --leaderboards boards
report: globe-eval report replay/miniworld knn/miniworld -o report.html --csv report.csv
ls_tasks: globe-eval ls tasks
ls_details: globe-eval ls tasks --details
ls_models: globe-eval ls models
validate: globe-eval validate broken.yaml
new: globe-eval new my_city --truth truth.csv --images photos --folder city
prepare: globe-eval prepare my_city --include_path city -o city/prepared
run_my_city: globe-eval --model constant --tasks my_city --include_path city -o own
lm_eval: lm_eval run --model fixed --include_path tasks --tasks miniworld --limit 30 --apply_chat_template \
--log_samples --output_path OUT/stock
wrong_task: globe-eval --model constant --tasks miniwrld
wrong_model: globe-eval --model constnt --tasks miniworld
wrong_file: globe-eval score nowhere.csv
wrong_latitude: globe-eval score broken.csv --truth truth.csv
wrong_option: globe-eval score names.csv --truht truth.csv
wrong_config: globe-eval --config config.yaml
wrong_recipe: globe-train sft sft.yaml trainer.max_stps=3
wrong_run: globe-eval rescore photos
incomplete: globe-eval --tasks miniworld --model replay --model_args answers=few.jsonl --limit 3 -o incomplete
replay_coordinates: globe-eval --tasks miniworld_coordinates --model replay --model_args answers=miniworld.jsonl \
--limit 30 --distance haversine --format json -o coordinates
world: globe-train world world --n 48 --size 56
student: globe-train student student
sft: globe-train sft sft.yaml
grpo_dry_run: globe-train grpo grpo.yaml --dry-run
grpo: globe-train grpo grpo.yaml
"""
MODULES = {"globe-eval": "globe_eval.cli", "globe-train": "globe_train.cli", "lm_eval": "lm_eval"}


def main() -> int:
    """Run everything; 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write name -> SHA-256 there")
    parser.add_argument("--against", type=Path, metavar="FILE", help="print what differs from that file")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder of the masked outputs (default: a new one)")
    parser.add_argument("--only", metavar="REGEX", default="", help="only commands that match, with what they need")
    options = parser.parse_args()
    old = json.loads(options.against.read_text(encoding="utf-8")) if options.against else {}
    kept = options.keep or Path(tempfile.mkdtemp(prefix="freeze-"))
    os.environ.update(SETTINGS, PYTHONPATH=f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    sys.path.insert(0, str(ROOT))
    for name in IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    commands = dict(line.split(": ", 1) for line in COMMANDS.splitlines())
    with tempfile.TemporaryDirectory() as made:
        out = Path(made).resolve()
        _inputs(out)
        before = set(out.rglob("*"))
        printed = {}
        for name, command in commands.items():
            if re.search(options.only, name):
                started = time.monotonic()
                code, printed[name] = _run(name, command.replace("OUT", str(out)), out)
                print(f"{name}: exit {code}, {time.monotonic() - started:.1f} s", file=sys.stderr)
        shutil.rmtree(kept, ignore_errors=True)
        found = {}
        for name, content in [*printed.items(), *_files(out, before)]:
            name, content = _masked(name.encode(), out).decode(), _masked(content, out)
            found[name] = hashlib.sha256(content).hexdigest()
            path = kept / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    if options.write:
        options.write.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    differing = [name for name in sorted(old.keys() | found.keys()) if old.get(name) != found.get(name)] if old else []
    if options.only:
        differing = [name for name in differing if name in found]
    for name in differing:
        print(f"{'new' if name not in old else 'gone' if name not in found else 'changed'}: {name}")
    print(f"{len(found)} outputs, {len(differing)} differ; masked outputs: {kept}")
    return 1 if differing else 0


def _inputs(out: Path) -> None:
    """Write the fixed inputs into the folder `out`."""
    from PIL import Image

    for name, text in FILES.items():
        if name in ("sft.yaml", "grpo.yaml"):
            text += RECIPE + (GRPO if name == "grpo.yaml" else "") + "}\n"
        (out / name).write_text(text, encoding="utf-8")
    for index, name in enumerate("abcdefghij"):
        (out / "photos").mkdir(exist_ok=True)
        Image.linear_gradient("L").rotate(36 * index).convert("RGB").save(out / "photos" / f"{name}.jpg")
    (out / "resume" / "miniworld").mkdir(parents=True)
    shutil.copy(JOURNAL, out / "resume" / "miniworld" / "journal.jsonl")
    shutil.copytree(ROOT / "leaderboards", out / "boards")


def _run(name: str, command: str, out: Path) -> tuple[int, bytes]:
    """Exit code and what is printed: standard output, and standard error where the exit code is not 0."""
    program, *words = command.split()
    streams = [out.parent / f"{out.name}.{stream}" for stream in ("stdout", "stderr")]
    child = os.fork()
    if child == 0:
        code = 70
        try:
            for number, path in enumerate(streams, start=1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.chdir(ROOT if program == "lm_eval" else out)  # tasks/ is there
            sys.argv = [program, *words]
            if program == "lm_eval":
                _register_model()
            runpy.run_module(MODULES[program], run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    stdout, stderr = (path.read_bytes() for path in streams)
    for path in streams:
        path.unlink()
    shown = b"" if name == "lm_eval" else stdout
    return code, b"exit code %d\n" % code + shown + (stderr if code else b"")


def _register_model() -> None:
    """A model of lm-eval's own kind that sees pictures and answers by the photograph's number."""
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model

    class Fixed(LM):
        MULTIMODAL = True
        tokenizer_name = "fixed"

        def __init__(self, **_):
            super().__init__()

        def generate_until(self, requests, **_):
            return [RESPONSES[int(request.doc["id"][-1])] for request in requests]

        def apply_chat_template(self, history, add_generation_prompt=True):
            return json.dumps(history)

        def loglikelihood(self, requests, **_):
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    register_model("fixed")(Fixed)


def _files(out: Path, before: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file that a command wrote, by its path; of stock lm-eval only figures and responses."""
    for path in sorted(
        path for path in out.rglob("*") if path.is_file() and path.name not in UNKEPT and path.suffix != ".pyc"
    ):
        name = path.relative_to(out).as_posix()
        if name.startswith("stock/"):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".json":
                yield "files/stock/results.json", json.dumps(json.loads(text)["results"], indent=1).encode()
            else:
                samples = [json.loads(line) for line in text.splitlines()]
                asked = [[sample["resps"], sample["arguments"]] for sample in samples]
                yield "files/stock/responses.json", json.dumps(asked, indent=1).encode()
        elif path not in before or name.startswith(("boards/", "resume/")):
            yield f"files/{name}", path.read_bytes()


def _masked(content: bytes, out: Path) -> bytes:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    text = text.replace(str(out), "OUT").replace(out.name, "OUT").replace(str(ROOT), "ROOT")
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return text.encode()


if __name__ == "__main__":
    sys.exit(main())
