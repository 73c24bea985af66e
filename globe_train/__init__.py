"""Training of GLOBE checkpoints: SFT, reward model and GRPO (built on globe_eval, never the other way)."""

from __future__ import annotations

from typing import Literal

Kind = Literal["sft", "reward_model", "grpo"]
"""What a recipe trains."""
