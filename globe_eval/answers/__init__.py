"""What a model answered: response text in, names, coordinates and a status out."""

from __future__ import annotations

from globe_eval.answers.parse import PARSER_VERSION, Answer, parse

__all__ = ["PARSER_VERSION", "Answer", "parse"]
