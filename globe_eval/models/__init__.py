"""Models that lm-eval lacks, registered beside its own."""

from __future__ import annotations

_MODELS = {
    "constant": "globe_eval.models.baselines:Constant",
    "endpoint": "globe_eval.models.endpoint:Endpoint",
    "knn": "globe_eval.models.baselines:Knn",
    "replay": "globe_eval.models.replay:Replay",
}


DESCRIPTIONS = {
    "constant": "floor: one answer for every photograph (text=…, or city=… country=… lat=… lon=…)",
    "knn": "floor: the place of the nearest picture in a gallery (gallery=…, images=…, k=1); miniworld's by default",
    "replay": "answers from a file (answers=FILE)",
    "endpoint": "OpenAI-compatible chat, a served vLLM or a provider (base_url=…, model=…, num_concurrent=16)",
    "hf-multimodal": "lm-eval's: transformers in this process (pretrained=…); needs globe-eval[hf]",
    "vllm-vlm": "lm-eval's: vLLM in this process (pretrained=…); needs globe-eval[vllm]",
}
"""Every model that sees pictures, with its arguments; lm-eval's own ones last."""


def names() -> list[str]:
    """The models that this package adds to lm-eval's."""
    return list(_MODELS)


def register() -> None:
    """Make our models known to lm-eval, each imported when it is first asked for. Calling it again changes nothing."""
    import lm_eval.models  # noqa: F401  first: lm-eval adds its own models only to a registry that is still empty
    from lm_eval.api.registry import model_registry

    for name, target in _MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=target)
