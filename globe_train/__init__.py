"""Training of GLOBE checkpoints: SFT, reward model and GRPO (built on globe_eval, never the other way)."""
