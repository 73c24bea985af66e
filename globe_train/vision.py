"""Caches the features of a frozen vision tower, computed once a picture.

In a step of GRPO a picture is seen by each of its answers, when they are generated and again when they are learnt from.
Where what sees is not trained all of these features are the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

KEPT = 2**28
"""Bytes of features that are kept, those of the last pictures."""


def once_a_picture(model: Any, kept: int = KEPT) -> None:
    """Let the frozen `visual` of a model of Qwen's (2.5-VL) remember the features of the last pictures; else nothing.

    A picture is known again by its pixels, not by its place in a batch. The weights must not change any more.
    """
    visual = getattr(getattr(model, "model", None), "visual", None)
    if visual is None or not hasattr(visual, "fullatt_block_indexes"):
        return
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    compute = visual.forward
    features: OrderedDict[tuple[bytes, tuple[int, ...]], Any] = OrderedDict()

    def forward(hidden_states: Any, grid_thw: Any, **named: Any) -> Any:
        sizes = grid_thw.prod(-1).tolist()
        parts = hidden_states.split(sizes)
        keys = [(digest(part), tuple(grid)) for part, grid in zip(parts, grid_thw.tolist(), strict=True)]
        new = {key: index for index, key in enumerate(keys) if key not in features}
        if new:
            with torch.no_grad():
                made = compute(
                    torch.cat([parts[index] for index in new.values()]), grid_thw[list(new.values())], **named
                ).pooler_output
            tokens = [sizes[index] // visual.spatial_merge_size**2 for index in new.values()]
            features.update(zip(new, made.split(tokens), strict=True))
        for key in dict.fromkeys(keys):
            features.move_to_end(key)
        found = torch.cat([features[key] for key in keys])
        while len(features) * found.nbytes > kept * len(keys):
            features.popitem(last=False)
        return BaseModelOutputWithPooling(pooler_output=found)

    visual.forward = forward


def digest(pixels: Any) -> bytes:
    """A digest of a tensor's values."""
    return hashlib.blake2b(pixels.detach().float().cpu().numpy().tobytes(), digest_size=16).digest()
