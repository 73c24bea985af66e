"""The models that globe-eval registers with lm-eval beside lm-eval's own."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from globe_eval.errors import InputError, reason_of

_MODELS = {
    "constant": "globe_eval.models.baselines:Constant",
    "endpoint": "globe_eval.models.endpoint:Endpoint",
    "knn": "globe_eval.models.baselines:Knn",
    "ray-vllm": "globe_eval.models.ray_vllm:RayVllm",
    "replay": "globe_eval.models.replay:Replay",
}


DESCRIPTIONS = {
    "constant": "floor: one answer for every photograph (text=…, or city=… country=… lat=… lon=…)",
    "knn": "floor: the place of the nearest picture in a gallery (gallery=…, images=…, k=1); miniworld's by default",
    "replay": "answers from a file (answers=FILE)",
    "endpoint": "OpenAI-compatible chat, a served vLLM or a provider (base_url=…, model=…, num_concurrent=16)",
    "ray-vllm": "vLLM on many GPUs and machines (pretrained=…, concurrency=4, address=auto); needs globe-eval[vllm]",
    "hf-multimodal": "lm-eval's: transformers in this process (pretrained=…); needs globe-eval[hf]",
    "vllm-vlm": "lm-eval's: vLLM in this process (pretrained=…); needs globe-eval[vllm]",
}
"""Every model that sees pictures, with its arguments; lm-eval's own ones last."""


GROUP = "globe_eval.models"
"""Entry points by which an installed package adds models of its own: name -> `package.module:Class`."""


def names() -> list[str]:
    """The models that this package and installed ones add to lm-eval's."""
    return [*_MODELS, *(point.name for point in entry_points(group=GROUP) if point.name not in _MODELS)]


def register(own: str | None = None) -> None:
    """Make our models known to lm-eval, each imported when it is first asked for. Calling it again changes nothing.

    `own` is a model that no package has registered, `package.module:Class`, found from the working folder too.

    Raises InputError where there is no such class, or it is no model of lm-eval's kind.
    """
    import lm_eval.models  # noqa: F401  first: lm-eval adds its own models only to a registry that is still empty
    from lm_eval.api.registry import model_registry

    installed = {point.name: point.value for point in entry_points(group=GROUP)}
    if own is not None:
        _refuse_no_model(own)
        installed[own] = own
    for name, target in {**installed, **_MODELS}.items():
        if name not in model_registry:
            model_registry.register(name, target=target)


def _refuse_no_model(target: str) -> None:
    from lm_eval.api.model import LM

    module, _, name = target.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        found = getattr(import_module(module), name)
    except Exception as error:  # whatever somebody else's module does
        raise InputError(f"--model {target}: {type(error).__name__}: {reason_of(error)}") from None
    if not (isinstance(found, type) and issubclass(found, LM)):
        raise InputError(f"--model {target}: is no class of lm_eval.api.model.LM (see globe_eval.models.simple)")
