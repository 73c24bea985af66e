"""Benchmarks: a manifest of photographs, its pictures, its prompt, and the lm-eval task made of them."""
