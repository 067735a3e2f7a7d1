"""`python -m tests.fuzz TARGET SECONDS CORPUS [SEED]`: fuzz one target, keeping what is new in CORPUS.

With a seed, what is tried is the same again.
"""

from __future__ import annotations

import resource
import sys
from typing import Final

import atheris

with atheris.instrument_imports(
    include=["protocol", "node.ingress", "node.routing", "schemas", "kernel", "metering"]
):
    from tests.fuzz.targets import TARGETS
from node.telemetry import configure_logging
from tests.fuzz.json_mutator import mutate
from tests.fuzz.xml_mutator import changed


def _mutate_xml(data: bytes, max_size: int, seed: int) -> bytes:
    return changed(data, max_size, seed, atheris.Mutate)


_LEEWAY: Final = 2048  # MiB that an input may cost


def _most_memory() -> int:
    """Return the peak of memory, in MiB, at which an input is one too much.

    Linux counts the peak of whoever started this process as its own.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + _LEEWAY


_MUTATORS = {"envelope": mutate, "json_ld": mutate, "mirror_document": _mutate_xml}

if __name__ == "__main__":
    name, seconds, corpus, *seed = sys.argv[1:5]
    configure_logging(level="ERROR", log_format="console")
    options = [sys.argv[0], corpus, f"-max_total_time={seconds}", "-max_len=20000"]
    options += [f"-rss_limit_mb={_most_memory()}", *(f"-seed={number}" for number in seed)]
    mutator = {"custom_mutator": _MUTATORS[name]} if name in _MUTATORS else {}
    atheris.Setup([*options, "-timeout=10", "-print_final_stats=1"], TARGETS[name], **mutator)
    atheris.Fuzz()
