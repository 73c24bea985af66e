"""Sources of evidence that are models: a small segmentation model, a small detector, and GeoCLIP as a predictor."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from globe_eval.errors import InputError
from globe_train.cli import main
from globe_train.curate import evidence
from globe_train.curate.evidence import Detector, Segmentation
from globe_train.laptop import simulation


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
