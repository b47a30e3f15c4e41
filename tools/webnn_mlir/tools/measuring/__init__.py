"""Measuring beside other engines: what the benchmarks and webnn-benchmark share."""
