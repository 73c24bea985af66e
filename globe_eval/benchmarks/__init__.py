"""Benchmarks: manifests of photographs with their truth, prompts, and the lm-eval tasks made of them."""
