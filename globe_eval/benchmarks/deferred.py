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


for _name in ("datasets", "lm_eval.loggers"):
    if _name not in sys.modules and (_spec := importlib.util.find_spec(_name)) is not None:
        sys.modules[_name] = _module = _Deferred(_name)
        _module.__spec__ = _spec
        if _name == "lm_eval.loggers":  # whose submodules can be imported without it
            _module.__path__ = _spec.submodule_search_locations or []
