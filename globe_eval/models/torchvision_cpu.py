"""Lets a CUDA build of torchvision be imported beside a CPU build of torch.

The processors of Qwen2.5-VL and others need torchvision, and what a package index offers is often its CUDA build alone.
Beside a CPU torch its compiled part does not load, and `import torchvision` then ends in "operator torchvision::nms
does not exist", although resizing a picture needs nothing compiled. Declaring the two operators that its Python part
looks up on import is enough: they stay without a body, and calling one is still an error.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_library: Any = None  # torch forgets a declared operator together with the object that declared it


def ensure() -> bool:
    """Make `import torchvision` work beside a CPU torch; call it before a Hugging Face processor is made.

    Does nothing, and does not import torch, where torchvision is absent or was imported already; does nothing where
    its compiled part loads or torch itself is a CUDA build (a broken pair there is worth its error).

    Returns: whether the operators had to be declared, now or by an earlier call.
    """
    global _library
    if _library is not None:
        return True
    spec = None if "torchvision" in sys.modules else find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False
    torch: Any = import_module("torch")
    if torch.version.cuda is not None or _loads(torch, Path(spec.submodule_search_locations[0])):
        return False
    try:
        library = torch.library.Library("torchvision", "DEF")
    except RuntimeError:  # declared by somebody else in this process
        return False
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library = library
    return True


def _loads(torch: Any, package: Path) -> bool:
    """Whether torchvision's compiled part loads into this process's torch."""
    try:
        torch.ops.load_library(next(package.glob("_C*")))
    except (OSError, StopIteration):
        return False
    return True
