"""The standard library's `re`, but that a pattern is compiled when it is first used.

Some 200 patterns read responses in a dozen languages, and a table of positions needs hardly any. Modules that have such
patterns write `from globe_eval import lazy_re as re`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from re import *  # noqa: F403
    from re import compile
else:

    class _Pattern:
        """Stands for a compiled pattern, and has its methods from the first use on."""

        def __init__(self, source: str, flags: int) -> None:
            self.pattern, self._flags = source, flags

        def __getattr__(self, name: str) -> Any:
            compiled = re.compile(self.pattern, self._flags)
            for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"):
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)

    def compile(source: str, flags: int = 0) -> _Pattern:
        """What `re.compile` gives, which raises `re.PatternError` at the first use only."""
        return _Pattern(source, flags)

    def __getattr__(name: str) -> Any:
        return getattr(re, name)
