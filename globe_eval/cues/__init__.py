"""Visual cues in English text: which a reasoning asserts to be visible, by rules and a lexicon, without a model."""

from __future__ import annotations

from globe_eval.cues.entities import canonical
from globe_eval.cues.lexicon import with_hypernyms
from globe_eval.cues.mentions import Mention, Reading, asserts, asserts_many, read

__all__ = ["Mention", "Reading", "asserts", "asserts_many", "canonical", "read", "with_hypernyms"]
