"""Renders the templates of this folder: every value is escaped, and a page's policy names style and script by hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent


def text(*names: str) -> str:
    """The texts of files, named from this folder, one after the other."""
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def source_hash(content: str) -> str:
    """What a Content-Security-Policy calls a style or script by.

    >>> source_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def render(name: str, values: Mapping[str, Any]) -> str:
    """A template with its values filled in; one that it lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name).render(values).lstrip() + "\n"
