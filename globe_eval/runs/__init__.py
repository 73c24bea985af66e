"""Runs: asking a model, the journal of its answers, scoring, and the files that a run leaves."""
