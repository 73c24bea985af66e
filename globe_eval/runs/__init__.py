"""Runs: what is asked, what is heard, what is written down."""
