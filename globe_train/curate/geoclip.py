"""GeoCLIP as a back end of `globe-eval`'s runs: `model: geoclip` of a predictor, through the `geoclip` package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lm_eval.api.instance import Instance

from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel, answer_text


class GeoClip(SimpleModel):
    """The coordinates that GeoCLIP (Vivanco et al., NeurIPS 2023) holds for likeliest in its gallery of 100,000.

    Its confidence is the probability of the places within `radius_km` of the first among its `top_k`, since its
    gallery splits every city into many points.

    Args:
        device: of torch.
        top_k: how many places are looked at.
        radius_km: of what counts as the same place.

    Raises InputError where the package is not installed.
    """

    name = "geoclip"

    def __init__(self, device: str = "cpu", top_k: int = 50, radius_km: float = 25.0) -> None:
        super().__init__()
        from globe_eval.models import torchvision_cpu

        torchvision_cpu.ensure()
        try:
            package: Any = import_module("geoclip")
        except ModuleNotFoundError as error:
            raise InputError(
                f"model 'geoclip' needs a package that is not installed ({error.name}): pip install geoclip"
            ) from None
        self.model: Any = package.GeoCLIP().to(device)
        self.model.eval()
        self.top_k, self.radius_km = top_k, radius_km

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One answer a request, with its confidence, in the same order."""
        return [self._answer(request.args[2]["visual"][0].path) for request in requests]

    def _answer(self, path: Any) -> Response:
        from globe_eval.places import geodesic_km

        points, shares = self.model.predict(str(path), top_k=self.top_k)
        places, p = points.tolist(), shares.tolist()
        lat, lon = places[0]
        km = geodesic_km(lat, lon, [place[0] for place in places], [place[1] for place in places])
        sure = sum(share for share, away in zip(p, km.tolist(), strict=True) if away <= self.radius_km)
        text = answer_text(point=(round(lat, 6), round(lon, 6)))
        return Response(text.replace("</answer>", f"\nconfidence: {100 * sure:.2f}%</answer>"))


def register() -> None:
    """Make it known to lm-eval's registry, beside `globe-eval`'s own models."""
    from lm_eval.api.registry import model_registry

    from globe_eval import models

    models.register()
    if "geoclip" not in model_registry:
        model_registry.register("geoclip", target=f"{__name__}:GeoClip")
