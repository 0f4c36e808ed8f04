"""Rows of presets on one GPU: the parts of benchmarks.gpu_contest."""
