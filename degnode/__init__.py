"""The roof: command line, composition of the roles, the demo, the benchmarks."""
