"""What a model answered: response text in, names, coordinates and a status out."""

from __future__ import annotations

from globe_eval.answers.parse import PARSER_VERSION, parse
from globe_eval.sample import Answer

__all__ = ["PARSER_VERSION", "Answer", "parse"]
