"""Every shipped YAML: complete, valid, run on a small replica of its data, and as it would be proposed to lm-eval."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import lm_eval
import pytest
from lm_eval.tasks import TaskManager
from PIL import Image

from globe_eval.benchmarks import definition, validate
from globe_eval.benchmarks.definition import ENTRY_POINTS, definitions, tasks_folder
from globe_eval.benchmarks.manifest import read_manifest
from globe_eval.benchmarks.prompts import PROMPTS
from globe_eval.cli import main
from globe_eval.runs.run import load_tasks  # before lm_eval, which reads on import what it sets

SHIPPED = sorted(definition.task_files([definition.tasks_folder()]))
DEFINED = {path.stem: definition.read_definition(path) for path in SHIPPED}
TASKS = {name: one for name, one in DEFINED.items() if not one.is_group}
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tasks.json").read_text(encoding="utf-8"))
"""Every task that was a YAML at 032fa85: what it was there on the replicas, and what asks for it now."""

PLACES = [  # New York first: the constant model's answer is right there and nowhere else
    (40.7128, -74.006, "New York", "United States"),
    (48.8566, 2.3522, "Paris", "France"),
    (-33.8688, 151.2093, "Sydney", "Australia"),
]


@dataclass(frozen=True)
class Replica:
    """The header of the released table, where each picture lies, and which columns say what."""

    header: str
    image: str
    id: str
    lat: str = "LAT"
    lon: str = "LON"
    city: str | None = None
    country: str | None = None
    group: str | None = None
    scenes: tuple[str | None, ...] = (None, None, None)


PLACES365 = "IMG_ID,AUTHOR,LAT,LON,S3_Label,S16_Label,S365_Label,Prob_indoor,Prob_natural,Prob_urban"
SCENES = ("indoor", "natural", "urban")
NAMED = {"lat": "lat", "lon": "lng", "city": "city", "country": "country"}
OSV = (
    "id,latitude,longitude,country,captured_at,lon_bin,lat_bin,cell,land_cover,road_index,drive_side,climate,soil,"
    "dist_sea,region,sub-region,city,unique_city,unique_sub-region,unique_region,unique_country,quadtree_10_1000,"
    "creator_username,creator_id"
)
GSS = (
    "image_id,source,orig_id,url,label_method,city,city_id,country,continent,latitude,longitude,datetime_local,"
    "sequence_index,sequence_id,split,img_path,glare,lighting_condition,pano_status,platform,quality,reflection,"
    "view_direction,weather"
)
UPC = (
    "image_id,name,address,gmap_id,description,latitude,longitude,category,avg_rating,num_of_reviews,price,hours,MISC,"
    "relative_results,url,category_list,street,city,state"
)
DEGREES = {"lat": "latitude", "lon": "longitude"}

REPLICAS = {
    "im2gps": Replica(PLACES365, "{IMG_ID}", "IMG_ID", group="AUTHOR", scenes=SCENES),
    "im2gps3k": Replica(PLACES365, "{IMG_ID}", "IMG_ID", group="AUTHOR", scenes=SCENES),
    "im2gps3k_outdoor": Replica(PLACES365, "{IMG_ID}", "IMG_ID", group="AUTHOR", scenes=SCENES[1:]),
    "yfcc4k": Replica("photo_id,OwnerNSID,LAT,LON", "{photo_id}.jpg", "photo_id", group="OwnerNSID"),
    "yfcc26k": Replica(PLACES365, "{IMG_ID}", "IMG_ID", group="AUTHOR", scenes=SCENES),
    "mp16_reason_test": Replica("IMG_ID,LAT,LON,city,country", "{IMG_ID}", "IMG_ID", city="city", country="country"),
    "mp16_reason_train": Replica(
        "IMG_ID,LAT,LON,city,country,entities", "{IMG_ID}", "IMG_ID", city="city", country="country"
    ),
    "osv5m_test": Replica(OSV, "00/{id}.jpg", "id", city="city", country="country", group="creator_id", **DEGREES),
    "osv5m_mini3k": Replica("id,latitude,longitude", "{id}.jpg", "id", **DEGREES),
    "gws15k": Replica("FILE,LAT,LON,CITY,COUNTRY", "{FILE}", "FILE", city="CITY", country="COUNTRY"),
    "imageo_gss": Replica(
        GSS, "{image_id}.jpg", "image_id", city="city", country="country", group="sequence_id", **DEGREES
    ),
    "imageo_upc": Replica(UPC, "{image_id}.jpg", "image_id", city="city", group="gmap_id", **DEGREES),
    "imageo_pcw": Replica(
        "image_id,address,latitude,longitude,street,city,state,country",
        "{image_id}.jpg",
        "image_id",
        city="city",
        country="country",
        **DEGREES,
    ),
    "street_view_1602": Replica(
        "filename,lat,lng,city_name,country,population_class",
        "imgs_final_v1/{filename}",
        "filename",
        **NAMED | {"city": "city_name"},
    ),
    "geovista_bench": Replica("uid,raw_image_path,country,province_or_state,city,lat,lng", "{uid}.png", "uid", **NAMED),
    "mapbench_test": Replica("id,true_lat,true_lon", "{id}.jpg", "id", lat="true_lat", lon="true_lon"),
    "geoseek_val": Replica("id,latitude,longitude", "{id}.jpg", "id", **DEGREES),
    "geochain_test": Replica(
        "key,locatability_score,lat,lon,city,sub_folder,class_mapping,sequence_key",
        "{city}/{sub_folder}/images/{key}.jpg",
        "key",
        lat="lat",
        lon="lon",
        city="city",
        group="sequence_key",
    ),
    "earthwhere_street": Replica(
        "BVID,key_clues,answer,answer_type,hint", "{BVID}.jpg", "BVID", lat="", lon="", scenes=("point",) * 3
    ),
}
DISCLOSURE = TASKS["vlm_geoprivacy"].values["dataset_kwargs"]
REPLICAS["vlm_geoprivacy"] = Replica("id,coordinate", "{id}.jpg", "id", lat="", lon="")
FILES = {"IMG_ID": "{}_a_78@N00.jpg", "FILE": "gsv_{}.jpg", "filename": "{}.jpg", "raw_image_path": "uid{}.png"}


def rows(replica: Replica, name: str) -> list[dict[str, str]]:
    found = []
    for i, (lat, lon, city, country) in enumerate(PLACES):
        row = {
            column: FILES[column].format(i) if column in FILES else f"{column}{i}"
            for column in replica.header.split(",")
        }
        row |= {
            "sub_folder": "query",
            "S3_Label": str(i),
            "answer_type": "latitude & longitude",
            "answer": f"{lat},{lon}",
            "coordinate": f"[{lat}, {lon}]",
        }
        row |= {replica.lat: str(lat), replica.lon: str(lon), replica.city or "": city, replica.country or "": country}
        row["entities"] = json.dumps([{"text": "red bus"}, {"text": "arch"}])
        found.append({column: row[column] for column in replica.header.split(",")})
    if name == "vlm_geoprivacy":
        labels = DISCLOSURE["values"]["disclosure"]
        found = [row | {DISCLOSURE["columns"]["disclosure"]: one} for row, one in zip(found, labels, strict=True)]
    if name == "earthwhere_street":
        found[1]["answer"] = found[1]["answer"].join("()")
        found[2]["answer"] = found[2]["answer"].replace("-", "–")
        found.append(dict.fromkeys(found[0], "x") | {"answer": "Tunisia", "answer_type": "country"})
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a replica of everything that the shipped YAMLs name."""
    root = tmp_path_factory.mktemp("data")
    for name, replica in REPLICAS.items():
        kwargs = TASKS[name].values["dataset_kwargs"]
        truth, table = root / kwargs["truth"], rows(replica, name)
        truth.parent.mkdir(parents=True, exist_ok=True)
        if truth.suffix == ".json":
            truth.write_text(json.dumps(table), encoding="utf-8")
        elif truth.suffix == ".parquet":
            import pandas as pd

            frame = pd.DataFrame(table)
            frame.astype({replica.lat: float, replica.lon: float}).to_parquet(truth)
        else:
            with truth.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, replica.header.split(","))
                writer.writeheader()
                writer.writerows(table)
        for i, row in enumerate(table[: len(PLACES)]):
            picture = root / kwargs["images"] / replica.image.format(**row)
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (28, 28), (80 * i, 90, 120)).save(picture)
    return root


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_yaml_is_valid_and_says_all_about_itself(path: Path) -> None:
    assert validate.problems(path, data=True) == []
    one = DEFINED[path.stem]
    assert one.name == path.stem
    if not one.is_group:
        metadata = one.values["metadata"]
        assert all(str(metadata[key]).strip() for key in definition.METADATA_KEYS)
        assert metadata["n"] > 0


def test_there_is_a_replica_of_each_benchmark_and_a_folder_for_it() -> None:
    assert set(REPLICAS) == {
        one.values["task"] for one in TASKS.values() if "include" not in one.values and one.name != "miniworld"
    } | {"im2gps3k_outdoor"}
    for one in TASKS.values():
        folder = one.path.parent.name
        assert one.name == folder or one.name.startswith(f"{folder}_")
        assert (one.path.parent / f"{folder}.yaml").is_file()


def test_a_variant_differs_from_its_benchmark_in_nothing_but_prompt_decoding_and_tag() -> None:
    variants = {name: one for name, one in TASKS.items() if "include" in one.values and name != "im2gps3k_outdoor"}
    assert len(variants) == 11
    for name, one in variants.items():
        own = ("task", "tag", "include", "prompt", "decoding")
        base = TASKS[one.values["include"].removesuffix(".yaml")]
        assert {k: v for k, v in one.values.items() if k not in own} == {
            k: v for k, v in base.values.items() if k not in own
        }
        variant = name.removeprefix(f"{base.name}_")
        assert one.values["tag"] == {"coordinates": "published_coordinates"}.get(variant, variant)


@pytest.mark.parametrize("stock", [False, True], ids=["--prompt", "--metadata"])
def test_what_was_a_yaml_of_its_own_is_the_same_task_under_an_option(
    stock: bool, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(data))
    assert len(GOLDEN) == 81
    found = {}
    for prompt in {one["prompt"] for one in GOLDEN.values()}:
        names = sorted({one["task"] for one in GOLDEN.values() if one["prompt"] == prompt})
        if stock:
            given = {} if prompt is None else json.loads(f'{{"prompt": "{prompt}", "answers": "of model_args"}}')
            tasks = TaskManager(include_path=str(definition.tasks_folder()), metadata=given).load(names)["tasks"]
        else:
            tasks = load_tasks(names, prompt=prompt)
        found |= {(name, prompt): task for name, task in tasks.items()}
    for name, one in GOLDEN.items():
        task = found[one["task"], one["prompt"]]
        assert (task.answer_form, task.prompt_sha256) == (one["answer_form"], one["prompt_sha256"]), name
        assert (task.manifest.sha256, task.config.generation_kwargs) == (one["manifest_sha256"], one["decoding"]), name


@pytest.mark.parametrize("name", [name for name, one in GOLDEN.items() if one["prompt"]])
def test_an_old_name_is_answered_with_the_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    task, prompt = GOLDEN[name]["task"], GOLDEN[name]["prompt"]
    assert main(["--model", "constant", "--tasks", name]) == 2
    said, form = capsys.readouterr().err, GOLDEN[name]["answer_form"]
    assert said == (
        f"globe-eval: {name} is now --tasks {task} --prompt {prompt} (score: --task {task} --answer-form {form})\n"
    )


@pytest.mark.parametrize("name", REPLICAS)
def test_a_replica_is_read_as_its_yaml_says(name: str, data: Path) -> None:
    replica, kwargs = REPLICAS[name], dict(TASKS[name].values["dataset_kwargs"])
    kwargs.pop("prepared")
    truth, images = data / kwargs.pop("truth"), data / kwargs.pop("images")
    found = read_manifest(truth, images=images, **kwargs).rows
    first = 1 if name == "im2gps3k_outdoor" else 0
    table = rows(replica, name)[first : len(PLACES)]
    assert [row["id"] for row in found] == [row[replica.id] for row in table]
    assert [(row["lat"], row["lon"]) for row in found] == [place[:2] for place in PLACES[first:]]
    assert [row["city"] for row in found] == [row[replica.city] if replica.city else None for row in table]
    assert [row["country"] for row in found] == [row[replica.country] if replica.country else None for row in table]
    assert [row["group"] for row in found] == [row[replica.group] if replica.group else None for row in table]
    assert tuple(row["scene"] for row in found) == replica.scenes
    if name == "mp16_reason_train":
        assert [row["entities"] for row in found] == [["red bus", "arch"]] * 3
    if name == "vlm_geoprivacy":
        assert [row["disclosure"] for row in found] == ["abstain", "city", "exact"]


def test_every_yaml_runs_through_globe_eval_and_stock_lm_eval(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(data))
    common = ["--model", "constant", "--tasks", ",".join(TASKS), "--limit", "3"]
    assert main([*common, "--output_path", str(tmp_path / "ours"), "--format", "json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert set(ours) == set(TASKS)
    for name, result in ours.items():
        if not name.startswith("miniworld"):  # which is no replica but itself
            right = 0 if name == "im2gps3k_outdoor" else 1
            assert result["n"] == 2 + right, name
            assert result["acc@25km"] == pytest.approx(right / result["n"]), name
        assert result["located"] == 1.0, name
        values = TASKS[name].values
        form = PROMPTS[values.get("prompt", "globe_readme")].answer_form
        assert result["answer_form"] == values.get("answer_form", form)

    stock = (
        "from globe_eval import models; models.register()\nfrom lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    )
    arguments = [*common, "--include_path", str(definition.tasks_folder()), "--apply_chat_template"]
    arguments += ["--log_samples", "--output_path", str(tmp_path / "stock")]
    done = subprocess.run([sys.executable, "-c", stock, "run", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = (tmp_path / "stock").rglob("results_*.json")
    theirs = json.loads(path.read_text(encoding="utf-8"))["results"]
    for name, result in ours.items():
        for metric in ("acc@1km", "acc@25km", "acc@2500km", "geoscore", "located", "country_accuracy"):
            assert theirs[name][f"{metric},none"] == result[metric], (name, metric)


def test_a_tag_runs_the_variants_that_carry_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(data))
    arguments = ["--tasks", "globe_readme", "--output_path", str(tmp_path / "out"), "--format", "json"]
    assert main(["--model", "constant", *arguments]) == 0
    bases = ("im2gps3k", "yfcc4k", "mp16_reason_test", "osv5m_mini3k")
    assert set(json.loads(capsys.readouterr().out)) == {f"{base}_globe_readme" for base in bases}


def test_what_could_not_be_verified_is_said_with_the_way_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    folder = tmp_path / "geoseek_val"
    (folder / "images").mkdir(parents=True)
    (folder / "geoseek_val.csv").write_text("id,gt_y,gt_x\n7,1,2\n")
    Image.new("RGB", (28, 28)).save(folder / "images" / "7.jpg")
    assert main(["--model", "constant", "--tasks", "geoseek_val", "--output_path", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "no lat column" in said and "not verified in geoseek_val" in said and "columns: {lat: LAT}" in said
    (tmp_path / "mine.yaml").write_text(
        f"include: {TASKS['geoseek_val'].path}\ntask: mine\n"
        "dataset_kwargs: {truth: geoseek_val/geoseek_val.csv, images: geoseek_val/images, "
        "columns: {lat: gt_y, lon: gt_x}}\n"
    )
    arguments = ["--tasks", "mine", "--include_path", str(tmp_path), "--output_path", str(tmp_path / "out")]
    assert main(["--model", "constant", *arguments]) == 0


def test_the_known_tables_are_known(shared_data: Path) -> None:
    import hashlib

    known = {sha for name in ("im2gps", "im2gps3k") for sha in TASKS[name].values["metadata"]["known_truth"]}
    files = sorted((shared_data / "im2gps3k").glob("*.csv"))
    assert {hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == known


YAML = """\
task: harbours
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: harbours/gt.csv, images: harbours}
doc_to_text: !function harbour_prompts.ask
metadata: {version: 3, description: Harbours, n: 1}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A site folder that holds the package `harbour-bench`, as an installer leaves it."""
    site = tmp_path / "site"
    (site / "harbour_bench" / "tasks").mkdir(parents=True)
    (site / "harbour_bench" / "__init__.py").write_text("raise RuntimeError('listing tasks must not run this')\n")
    (site / "harbour_bench" / "tasks" / "harbours.yaml").write_text(YAML)
    (site / "harbour_bench" / "tasks" / "im2gps3k.yaml").write_text(YAML.replace("harbours\n", "im2gps3k\n", 1))
    (site / "harbour_prompts.py").write_text("def ask(doc):\n    return 'Which harbour?\\ncountry: \\ncity: '\n")
    info = site / "harbour_bench-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[globe_eval.tasks]\nharbours = harbour_bench\n")
    return site


def globe_eval(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "globe_eval.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": path, "GLOBE_EVAL_DATA": str(site.parent / "data")},
    )


def test_its_benchmarks_are_listed_and_run(package: Path) -> None:
    listed = globe_eval(package, "ls", "tasks")
    assert listed.returncode == 0, listed.stderr
    assert any(line.split()[:2] == ["harbours", "1"] for line in listed.stdout.splitlines())
    shipped = next(line for line in listed.stdout.splitlines() if line.startswith("im2gps3k "))
    assert shipped.split()[1] == "2997", "another package took a shipped benchmark's name"

    harbours = package.parent / "data" / "harbours"
    harbours.mkdir(parents=True)
    Image.new("RGB", (28, 28)).save(harbours / "a.jpg")
    (harbours / "gt.csv").write_text("id,lat,lon\na,40.7,-74.0\n")
    done = globe_eval(package, "--model", "constant", "--tasks", "harbours", "--format", "json", "-o", "out")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["harbours"]
    assert (result["n"], result["task_version"], result["acc@25km"]) == (1, "3", 1.0)


def test_an_entry_point_that_leads_nowhere_is_named(package: Path) -> None:
    (package / "harbour_bench-1.0.dist-info" / "entry_points.txt").write_text("[globe_eval.tasks]\nx = harbor_bench\n")
    listed = globe_eval(package, "ls", "tasks")
    assert listed.returncode == 2
    assert listed.stderr.count("\n") == 1
    assert "package harbour-bench: entry point globe_eval.tasks 'x' names 'harbor_bench'" in listed.stderr


def test_the_embedded_benchmark_is_plugged_in_as_another_packages_would_be() -> None:
    root = Path(__file__).parents[2]
    points = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"][ENTRY_POINTS]
    assert points == {"miniworld": "globe_eval.miniworld"}
    (folder,) = find_spec(points["miniworld"]).submodule_search_locations
    assert set(definitions([Path(folder)])) == {"miniworld", "miniworld_coordinates"}
    for path in Path(folder).glob("*.yaml"):
        assert (root / "tasks" / "miniworld" / path.name).samefile(path), "stock lm_eval is shown the folder tasks/"


PROPOSED = sorted(path for path in tasks_folder().iterdir() if path.is_dir())
STOCK = "hellaswag"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lm-eval's package with one of its own tasks and all of our folders; a folder that is imported first."""
    site, package = tmp_path_factory.mktemp("checkout"), Path(lm_eval.__file__).parent
    shutil.copytree(package, site / "lm_eval", ignore=shutil.ignore_patterns("tasks", "__pycache__"))
    (site / "lm_eval" / "tasks").mkdir()
    for file in (package / "tasks").glob("*.*"):
        shutil.copy(file, site / "lm_eval" / "tasks")
    for folder in (package / "tasks" / STOCK, *PROPOSED):
        shutil.copytree(folder, site / "lm_eval" / "tasks" / folder.name)
    return site


def stock(tree: Path, *words: str) -> str:
    path = os.pathsep.join([str(tree), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", *words],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}, cwd=tree, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(folder: Path) -> list[str]:
    """Every task of a folder; group files are lm-eval's own kind."""
    found = (re.search(r"^(?:task|group): *(\w+)$", path.read_text(), re.MULTILINE) for path in folder.glob("*.yaml"))
    return sorted(match[1] for match in found if match)


def test_lm_evals_own_commands_see_every_task(tree: Path) -> None:
    listed = set(re.findall(r"[\w]+", stock(tree, "ls", "tasks")))
    wanted = [name for folder in PROPOSED for name in names(folder)]
    assert len(wanted) > 30 and STOCK in listed
    assert not [name for name in wanted if name not in listed]
    assert "All tasks found and valid" in stock(tree, "validate", "--tasks", ",".join([STOCK, *wanted]))


def test_the_task_in_the_tree_runs_as_any_other(tree: Path, tmp_path: Path) -> None:
    program = (
        "from lm_eval.tasks import TaskManager\n"
        "import lm_eval\n"
        "task = TaskManager().load(['miniworld_coordinates'])['tasks']['miniworld_coordinates']\n"
        "print(lm_eval.__file__, len(task.eval_docs), task.answer_form)"
    )
    path = os.pathsep.join([str(tree), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tree / "lm_eval" / "__init__.py"), "300", "coordinates"]


@pytest.mark.parametrize("folder", PROPOSED, ids=lambda path: path.name)
def test_a_folder_has_what_a_proposal_needs_and_no_code(folder: Path) -> None:
    assert {".yaml", ".md"} <= {path.suffix for path in folder.iterdir()} <= {".yaml", ".md", ".json"}
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for heading in ("- Paper: ", "- Licence: ", "## Tasks and variants", "## Checklist of lm-eval's new tasks"):
        assert heading in readme
    for path in folder.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        outside = [name for name in re.findall(r"^include: *(\S+)", text, re.MULTILINE) if "/" in name]
        assert not outside, f"{path.name} includes what is not in its folder"
        assert all(name.startswith("globe_eval.") for name in re.findall(r"!function (\S+)", text))
