"""Benchmarks against other engines: `python -m benchmarks --rows int4 --threads 1,2 --quick`."""
