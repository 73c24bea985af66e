"""The checks of a curation and the evidence that they rest on: golden cases, and what holds of any answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from globe_eval.cues.lexicon import lexicon
from globe_eval.cues.mentions import canonical
from globe_eval.errors import InputError
from globe_train.cli import main
from globe_train.curate import evidence, verify
from globe_train.curate.annotation import Annotation, cues_of, units, without
from globe_train.curate.evidence import Detector, Segmentation, SimulatedDetector, ade20k, by_classes
from globe_train.laptop import simulation

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/curate.json").read_text(encoding="utf-8"))
derandomized = settings(derandomize=True, deadline=None, max_examples=60)


def teacher(name: str, lat: float | None, lon: float | None, cues: list[str]) -> Annotation:
    return Annotation(name, "city", lat=lat, lon=lon, cues=frozenset(cues))


@pytest.mark.parametrize("case", GOLDEN["units"], ids=lambda case: case["text"][:30])
def test_units(case: dict[str, Any]) -> None:
    assert [[heading, items] for heading, items in units(case["text"])] == case["units"]


@pytest.mark.parametrize("case", GOLDEN["cues"], ids=lambda case: case["text"][:30])
def test_cues(case: dict[str, Any]) -> None:
    assert sorted(cues_of(case["text"], tuple(case.get("vocabulary", ())), case["places"])) == case["cues"]


@pytest.mark.parametrize("case", GOLDEN["without"], ids=lambda case: case["text"][:30])
def test_without(case: dict[str, Any]) -> None:
    assert without(case["text"], case["refused"], empty_line=case.get("empty_line")) == case["left"]


@pytest.mark.parametrize("case", GOLDEN["localizability"])
def test_localizability(case: dict[str, Any]) -> None:
    verdict = verify.localizability(
        [Annotation(f"t{i}", "city", confidence=p) for i, p in enumerate(case["confidences"])],
        [Annotation(f"p{i}", "coordinates", confidence=p) for i, p in enumerate(case.get("predictors", []))],
        votes=case["votes"],
        min_score=case["min_score"],
        min_predictor_confidence=case.get("min_predictor_confidence", 0),
    )
    assert verdict["passed"] is case["passed"]
    assert verdict["score"] == pytest.approx(case["score"])


@pytest.mark.parametrize("case", GOLDEN["correctness"])
def test_correctness(case: dict[str, Any]) -> None:
    one = Annotation(**{"teacher": "a", "status": "city", "country": "France", "city": "Lyon", **case["said"]})
    verdict = verify.correctness(one, within_km=case.get("within_km"), level=case.get("level"))
    assert verdict["passed"] is case["passed"]


@pytest.mark.parametrize("case", GOLDEN["agreement"], ids=lambda case: case["why"])
def test_agreement(case: dict[str, Any]) -> None:
    verdict = verify.agreement(
        teacher("one", *case["one"]),
        [teacher(f"t{i}", *other) for i, other in enumerate(case["others"])],
        [teacher(f"p{i}", *place, []) for i, place in enumerate(case.get("predictors", []))],
        teachers=case["teachers"],
        predictors_needed=case.get("predictors_needed", 0),
        within_km=25,
        min_similarity=case["min_similarity"],
        refuted=case.get("refuted", []),
    )
    assert verdict["passed"] is case["passed"]
    assert verdict["with"] == case["with"]


@pytest.mark.parametrize("case", GOLDEN["evidence"])
def test_evidence(case: dict[str, Any]) -> None:
    thresholds = {key: case[key] for key in ("min_entities", "min_share", "unconfirmed")}
    verdict = verify.evidence(teacher("a", None, None, case["cues"]), case["seen"], **thresholds)
    assert verdict["passed"] is case["passed"]
    assert verdict["share"] == case["share"]


@pytest.mark.parametrize("case", GOLDEN["by_classes"], ids=lambda case: f"{case['name']} {case['areas']}")
def test_what_a_closed_set_of_classes_says(case: dict[str, Any]) -> None:
    seen = by_classes([case["name"]], case["areas"], ade20k(), 0.002)
    assert list(seen[case["name"]]) == case["seen"]


def test_ade20k_has_its_150_classes_and_names_cues_of_the_lexicon() -> None:
    path = Path(evidence.__file__).with_name("ade20k.json")
    classes = json.loads(path.read_text(encoding="utf-8"))
    assert len(classes) == 150
    known = lexicon().cues
    assert [cue for cues in classes.values() for cue in cues if cue not in known] == []
    assert len(ade20k()) > 80


CUES = st.lists(st.sampled_from(["bus", "road", "church", "palm tree", "tram", "kiosk"]), max_size=5)
CONFIDENCES = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=5)


@derandomized
@given(CONFIDENCES, st.sampled_from(["all", "majority", "any"]), st.floats(0, 1), st.data())
def test_more_confidence_never_makes_a_photograph_unlocalizable(
    confidences: list[float | None], votes: str, least: float, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(confidences) - 1))
    surer = list(confidences)
    surer[index] = data.draw(st.floats(confidences[index] or 0.0, 1))
    before, after = (
        verify.localizability([Annotation("t", "city", confidence=p) for p in given], votes=votes, min_score=least)
        for given in (confidences, surer)
    )
    assert after["passed"] or not before["passed"]
    order = {"all": 0, "majority": 1, "any": 2}
    looser = [name for name in order if order[name] >= order[votes]]
    said = [Annotation("t", "city", confidence=p) for p in confidences]
    assert all(verify.localizability(said, votes=v, min_score=least)["passed"] for v in looser) or not before["passed"]


@derandomized
@given(CUES, CUES, CUES)
def test_similarity_is_symmetric_and_bounded_and_blind_to_what_cannot_be_seen(
    one: list[str], other: list[str], refuted: list[str]
) -> None:
    value = verify.similarity(one, other, refuted)
    assert 0 <= value <= 1
    assert value == verify.similarity(other, one, refuted)
    assert value == verify.similarity([*one, *refuted], other, refuted)
    assert verify.similarity(one, one) == (1.0 if one else 0.0)


@derandomized
@given(st.lists(st.tuples(st.sampled_from([(48.86, 2.35), (48.8, 2.3), (35.0, 135.7)]), CUES), min_size=1, max_size=5))
def test_agreement_is_mutual_and_grows_with_the_teachers(answers: list[tuple[tuple[float, float], list[str]]]) -> None:
    every = [teacher(f"t{i}", *place, cues) for i, (place, cues) in enumerate(answers)]

    def partners(one: Annotation, among: list[Annotation], teachers: int = 2) -> verify.Verdict:
        others = [other for other in among if other is not one]
        return verify.agreement(one, others, teachers=teachers, within_km=25, min_similarity=0.4)

    found = {one.teacher: set(partners(one, every)["with"]) for one in every}
    for name, agreeing in found.items():
        assert all(name in found[other] for other in agreeing)
    first = every[0]
    for k in range(1, len(every) + 1):
        assert partners(first, every, k)["passed"] is (len(found[first.teacher]) + 1 >= k)
    assert set(partners(first, every[:-1])["with"]) <= found[first.teacher]


LINES = st.lists(
    st.sampled_from(
        [
            "Sky: blue sky, clouds",
            "Signage: Thai sign, street lamps",
            "A red bus passes. A church stands behind it.",
            "There are no palm trees, but a tram.",
            "1. **Terrain**: hills, snow",
            "This points to Turkey.",
            "",
        ]
    ),
    max_size=6,
)


@derandomized
@given(LINES, st.sets(st.sampled_from(["cloud", "thai sign", "bus", "church", "tram", "hill", "snow", "street lamp"])))
def test_what_is_refused_is_gone_and_nothing_is_added(lines: list[str], refused: set[str]) -> None:
    text = "\n".join(lines)
    left = without(text, refused, (), ["Turkey"])
    before, after = cues_of(text, (), ["Turkey"]), cues_of(left, (), ["Turkey"])
    assert after.isdisjoint(refused)
    assert after <= before
    for _, items in units(text):
        assert all(item in left for item in items if cues_of(item, (), ["Turkey"]).isdisjoint(refused))
    assert without(left, refused, (), ["Turkey"]) == left
    assert cues_of(without(text, [], (), ["Turkey"]), (), ["Turkey"]) == before
    assert ("This points to Turkey." in left) is ("This points to Turkey." in text)


def test_the_simulated_detector_errs_as_often_as_it_says() -> None:
    there, absent, n = ["bus", "road", "church", "kiosk"], ["tram", "palm tree", "cactus", "pagoda"], 1500
    known = SimulatedDetector({f"p{i}": there for i in range(n)}, 0.2, 0.1, seed=3)
    seen = [known.look({"id": f"p{i}"}, [*there, *absent]) for i in range(n)]
    missed = sum(one[name][0] is False for one in seen for name in there) / (4 * n)
    alarms = sum(one[name][0] is True for one in seen for name in absent) / (4 * n)
    # four standard deviations of 6,000 draws
    assert missed == pytest.approx(0.2, abs=4 * (0.16 / 6000) ** 0.5)
    assert alarms == pytest.approx(0.1, abs=4 * (0.09 / 6000) ** 0.5)
    assert known.look({"id": "p7"}, ["tram", "bus"]) == {name: seen[7][name] for name in ("tram", "bus")}
    sure = SimulatedDetector({"a": ["palm tree"]}, 0.0, 0.0, seed=0).look({"id": "a"}, ["tree", "palm trees", "oak"])
    assert {name: value for name, (value, _) in sure.items()} == {"tree": True, "palm trees": True, "oak": False}


def test_the_best_grounded_reasoning_names_most_of_what_is_there_and_little_else() -> None:
    seen = {"bus": True, "road": True, "church": True, "tram": False, "kiosk": None}
    names = {"all": ["bus", "road", "church"], "little": ["bus"], "invents": ["bus", "road", "church", "tram"]}
    scores = {name: verify.groundedness(teacher(name, None, None, cues), seen) for name, cues in names.items()}
    assert scores == pytest.approx({"all": 1.0, "little": 0.5, "invents": 6 / 7})
    assert verify.groundedness(teacher("x", None, None, ["kiosk"]), seen) == 0.0
    assert canonical("bus") == "bus"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures: the left half red and the right half blue, and the other way round."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, colours in (("a.png", ("red", "blue")), ("b.png", ("blue", "red"))):
        picture = Image.new("RGB", (64, 64), colours[0])
        picture.paste(colours[1], (16, 0, 64, 64))
        picture.save(folder / name)
    return folder


@pytest.fixture(scope="module")
def segformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SegFormer with random weights whose last layer sees nothing but trees, in ADE20K's 150 classes."""
    torch = pytest.importorskip("torch")
    from globe_eval.models import torchvision_cpu

    torchvision_cpu.ensure()
    transformers = pytest.importorskip("transformers")
    classes = json.loads(Path(evidence.__file__).with_name("ade20k.json").read_text(encoding="utf-8"))
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        id2label={i: f"{name};other name" for i, name in enumerate(classes)},
        label2id={f"{name};other name": i for i, name in enumerate(classes)},
    )
    torch.manual_seed(0)
    model = transformers.SegformerForSemanticSegmentation(config)
    with torch.no_grad():
        model.decode_head.classifier.bias[list(classes).index("tree")] += 100.0
    folder = tmp_path_factory.mktemp("segformer")
    model.save_pretrained(folder)
    transformers.SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def test_a_segmentation_model_confirms_what_it_sees_and_refutes_what_it_could(segformer: Path, pictures: Path) -> None:
    source = Segmentation(str(segformer), pictures, 0.01, "cpu")
    assert source.areas(pictures / "a.png") == {"tree": 1.0}
    seen = source.look({"image": "a.png"}, ["tree", "vegetation", "oak", "bus", "tuk tuk", "thai sign"])
    assert seen == {
        "tree": (True, 1.0),
        "vegetation": (True, 1.0),
        "oak": (None, None),
        "bus": (False, 0.0),
        "tuk tuk": seen["tuk tuk"],
        "thai sign": (False, 0.0),
    }
    assert seen["tuk tuk"][0] is not True


def test_areas_are_the_shares_of_the_largest_logit(segformer: Path, pictures: Path) -> None:
    import torch

    source = Segmentation(str(segformer), pictures, 0.01, "cpu")
    with torch.no_grad():
        source.model.decode_head.classifier.bias.zero_()
        source.model.decode_head.classifier.weight.mul_(50)
        inputs = source.processor(images=Image.open(pictures / "b.png"), return_tensors="pt")
        logits = source.model(**inputs).logits
        full = torch.nn.functional.interpolate(logits, size=(64, 64), mode="bilinear", align_corners=False)[0]
    largest = full.argmax(dim=0)
    names = list(source.labels.values())
    expected = {names[i]: float((largest == i).double().mean()) for i in largest.unique().tolist()}
    found = source.areas(pictures / "b.png")
    assert found == pytest.approx(expected, abs=1e-6) and sum(found.values()) == pytest.approx(1)
    assert len(found) > 1, "a model that sees one class everywhere tests nothing"


def test_a_model_that_cannot_be_loaded_or_knows_other_classes(
    segformer: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import SegformerForSemanticSegmentation

    other = SegformerForSemanticSegmentation.from_pretrained(segformer)
    other.config.id2label = {i: f"organ {i}" for i in range(150)}
    other.config.label2id = {f"organ {i}": i for i in range(150)}
    other.save_pretrained(tmp_path / "organs")
    for file in segformer.glob("*processor*.json"):
        (tmp_path / "organs" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match="none of its classes"):
        Segmentation(str(tmp_path / "organs"), pictures, 0.01, "cpu")
    simulation.write(tmp_path / "pool", 4, seed=5, size=56)
    words = ["curate", "miniworld", *simulation.overrides(tmp_path / "pool"), "against.benchmarks=[]"]
    words += ["evidence.source=segmentation", "evidence.miss_rate=null", "evidence.false_alarm_rate=null"]
    assert main([*words, f"evidence.model={tmp_path / 'nowhere'}"]) == 2
    said = capsys.readouterr().err.rstrip().splitlines()[-1]
    assert "evidence, model" in said and "cannot be loaded" in said
    assert not (tmp_path / "pool/curated/teachers").exists(), "said before any teacher is asked"
    assert main([*words, f"evidence.model={segformer}", "evidence.min_share=0", "evidence.min_entities=0"]) == 0
    looked = (tmp_path / "pool/curated/evidence/all.jsonl").read_text(encoding="utf-8").splitlines()
    assert looked and any(value[0] is False for line in looked for value in json.loads(line)["seen"].values())


def test_a_detector_is_asked_for_each_entity_by_its_name(pictures: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from globe_eval.models import torchvision_cpu

    torchvision_cpu.ensure()
    import transformers

    letters = "abcdefghijklmnopqrstuvwxyz."
    tokens = ["<pad>", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    words = transformers.CLIPTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=16, pad_token="<pad>"
    )
    text = {"vocab_size": len(tokens), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 16, "eos_token_id": 2, "bos_token_id": 1}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 32, "patch_size": 8}
    config = transformers.OwlViTConfig(text_config=text, vision_config=vision, projection_dim=16)
    torch.manual_seed(0)
    transformers.OwlViTForObjectDetection(config).save_pretrained(tmp_path)
    pixels = transformers.OwlViTImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False)
    transformers.OwlViTProcessor(image_processor=pixels, tokenizer=words).save_pretrained(tmp_path)
    names = ["tram", "palm tree", "bus"]
    source = Detector(str(tmp_path), pictures, 0.0, "cpu")
    seen = source.look({"image": "a.png"}, names)
    scores = {name: score for name, (_, score) in seen.items()}
    assert all(found is True for found, _ in seen.values()) and all(0 <= s <= 1 for s in scores.values() if s)
    assert len(set(scores.values())) == 3
    assert source.look({"image": "a.png"}, names[::-1]) == seen, "what else is asked for does not matter"
    middle = sorted(scores.values())[1]
    strict = Detector(str(tmp_path), pictures, middle, "cpu").look({"image": "a.png"}, names)
    assert {name: found for name, (found, _) in strict.items()} == {n: s >= middle for n, s in scores.items()}


class FakeGeoCLIP:
    """What `geoclip.GeoCLIP` gives back, without its weights: three places, two of them the same city."""

    def to(self, device: str) -> FakeGeoCLIP:
        return self

    def eval(self) -> None:
        pass

    def predict(self, path: str, top_k: int) -> tuple[Any, Any]:
        torch = pytest.importorskip("torch")
        assert Path(path).is_file() and top_k == 50
        return torch.tensor([[48.86, 2.35], [35.0, 135.7], [48.80, 2.30]]), torch.tensor([0.5, 0.3, 0.1])


def test_geoclip_is_a_predictor_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "geoclip", SimpleNamespace(GeoCLIP=FakeGeoCLIP))  # type: ignore[arg-type]
    simulation.write(tmp_path, 4, seed=5, size=56)
    words = ["curate", "miniworld", *simulation.overrides(tmp_path), "against.benchmarks=[]"]
    assert main([*words, "predictors.gallery={model: geoclip}"]) == 0
    samples = (tmp_path / "curated/teachers/gallery/curate_coordinates/samples.jsonl").read_text().splitlines()
    sample = json.loads(samples[0])
    assert (sample["answer"]["lat"], sample["answer"]["lon"]) == pytest.approx((48.86, 2.35), abs=2e-6)
    assert sample["answer"]["stated_confidence"] == pytest.approx(0.6), "both places in Paris count"


def test_without_the_geoclip_package_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geoclip", None)
    from globe_train.curate.geoclip import GeoClip

    with pytest.raises(
        InputError, match=r"model 'geoclip' needs a package that is not installed .*pip install geoclip"
    ):
        GeoClip()
