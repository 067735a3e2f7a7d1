"""Benchmarks over real processes and sockets; each figure comes with a reference of the same run."""
