"""Metrics: pure functions over arrays, distances in kilometres, a missing value is missing."""
