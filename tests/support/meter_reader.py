"""A meter's document read as everybody's is, and read with every reading as an element of its tree."""

from __future__ import annotations

from unittest.mock import patch

from metering.documents import MirrorDocument
from metering.sep.elements import MeterDocumentRefused
from metering.sep.reader import read_mirror_document


def read(raw: bytes) -> MirrorDocument | str:
    """Return the document, or why it is refused."""
    try:
        return read_mirror_document(raw)
    except MeterDocumentRefused as error:
        return f"{error.code} {error}"


def read_as_a_tree(raw: bytes) -> MirrorDocument | str:
    """Return the same with no reading lifted out of the document."""
    with patch("metering.sep.reader.lift_plain_runs", lambda raw: (raw, ())):
        return read(raw)
