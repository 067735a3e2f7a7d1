"""`python -m tests.fuzz TARGET SECONDS CORPUS`: fuzz one target, keeping what is new in CORPUS."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["protocol", "node.ingress", "node.routing", "schemas", "kernel"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name, seconds, corpus = sys.argv[1:4]
    options = [sys.argv[0], corpus, f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-max_len=20000"]
    atheris.Setup([*options, "-timeout=10", "-print_final_stats=1"], TARGETS[name])
    atheris.Fuzz()
