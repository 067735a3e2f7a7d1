"""The mRID by which meters are named; contracts name them too, so it lives in the kernel."""

from __future__ import annotations

from kernel.mrid import MridInvalid, canonical_mrid, is_provisional

__all__ = ["MridInvalid", "canonical_mrid", "is_provisional"]
