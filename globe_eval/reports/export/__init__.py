"""What other tools read of a run: results of lm-eval, cards of the hub, tables."""
