"""Features of a frozen vision part are those that it would compute, and are computed once a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from globe_train.train import once_a_picture  # noqa: E402


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoModelForImageTextToText

    from globe_train.laptop import student

    folder: Path = student.build(tmp_path_factory.mktemp("student"))
    return lambda: AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def pictures(*shades: float) -> tuple[Any, Any]:
    """Pixels of pictures that differ by shade, of 4 x 4 and (the darker) 4 x 8 patches, and their grids."""
    grids = torch.tensor([[1, 4, 4] if shade < 1 else [1, 4, 8] for shade in shades])
    draw = [torch.Generator().manual_seed(round(100 * shade)) for shade in shades]
    pixels = [torch.randn(int(grid.prod()), 1176, generator=one) for grid, one in zip(grids, draw, strict=True)]
    return torch.cat(pixels), grids


def features(model: Any, *shades: float) -> list[Any]:
    pixels, grids = pictures(*shades)
    return list(model.model.get_image_features(pixels, image_grid_thw=grids).pooler_output)


def test_remembered_features_are_those_of_each_picture_in_any_order(seeing: Any) -> None:
    plain, remembering = seeing(), seeing()
    once_a_picture(remembering)
    for batch in ((0.1, 2.0, 0.1, 0.3), (0.3, 0.1, 0.5), (2.0,)):
        with torch.no_grad():
            expected, found = features(plain, *batch), features(remembering, *batch)
        for one, other in zip(expected, found, strict=True):
            assert torch.allclose(one, other, atol=1e-5)


def test_a_picture_is_computed_once_and_the_oldest_are_forgotten(seeing: Any) -> None:
    model, computed = seeing(), []
    compute = model.model.visual.forward

    def counting(hidden_states: Any, grid_thw: Any, **named: Any) -> Any:
        computed.append(len(grid_thw))
        return compute(hidden_states, grid_thw, **named)

    model.model.visual.forward = counting
    bytes_a_picture = 4 * 4 * model.config.vision_config.out_hidden_size
    once_a_picture(model, kept=2 * bytes_a_picture)
    for batch in ((0.1, 0.1, 0.2), (0.2, 0.1), (0.3,), (0.1, 0.3), (0.2,)):
        features(model, *batch)
    assert computed == [2, 1, 1], "two, none, the third, none (the second was forgotten), the second again"


def test_a_model_without_such_a_part_is_left_as_it_is() -> None:
    model = torch.nn.Linear(2, 2)
    before = dict(vars(model))
    once_a_picture(model)
    assert dict(vars(model)) == before
