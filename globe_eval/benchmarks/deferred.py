"""Defers the import of `datasets`, which lm-eval imports with pandas behind it, until an attribute of it is used.

lm-eval wants it for tasks that download from the hub and for its own trackers, and a run over an endpoint never does:
that spares 120 MB. To be imported before lm-eval.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """Stands for a module in `sys.modules` until one of its attributes is wanted.

    `importlib.util.LazyLoader` does not serve here: a second `import` looks at `__spec__`, which would load it.
    """

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def defer(name: str, *, apart: bool = False) -> None:
    """Put off the import of a module to its first use; one that is there already, or not installed, stays as it is.

    `apart`: its submodules can be imported without it.
    """
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None:
        return
    sys.modules[name] = module = _Deferred(name)
    module.__spec__ = spec
    if apart:
        module.__path__ = spec.submodule_search_locations or []


defer("datasets")
defer("lm_eval.loggers", apart=True)
