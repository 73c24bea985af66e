"""Parsing: the text of a response -> the names, coordinates and status of its answer."""

from __future__ import annotations

from globe_eval.answers.parse import PARSER_VERSION, parse
from globe_eval.sample import Answer

__all__ = ["PARSER_VERSION", "Answer", "parse"]
