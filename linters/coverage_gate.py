"""The packages that must be tested to the last branch: `python -m linters.coverage_gate package …`.

Reads the data that the last test run left. Silent when all is well, so that a run of the tests
ends with its own summary.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from coverage import Coverage
from coverage.exceptions import CoverageException

WHOLE = 100


def main(packages: Sequence[str]) -> int:
    """Return 1 and print the gaps when one of `packages` is not covered to 100 per cent."""
    coverage = Coverage()
    coverage.load()
    failed = False
    for package in packages:
        report = io.StringIO()
        try:
            percent = coverage.report(
                include=[f"{package}/*"], file=report, show_missing=True, skip_covered=True
            )
        except CoverageException as error:
            percent = 0
            report.write(str(error))
        if percent < WHOLE:
            failed = True
            print(f"{package}/ must be covered to {WHOLE} %, branches included:\n{report.getvalue()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
