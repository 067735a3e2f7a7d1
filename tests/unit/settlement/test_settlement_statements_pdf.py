"""A page as a PDF: the same bytes each time, of the page alone, and a clear word where it cannot be drawn."""

from __future__ import annotations

import sys

import pytest

from settlement.statements.pdf import (
    MOST_CHARACTERS,
    PdfTooLong,
    PdfUnavailable,
    ReferenceRefused,
    write_pdf,
)

PAGE = "<!doctype html><html lang=en><title>Bill</title><body><h1>bill-1</h1><p>4.00 USD</p></body></html>"


def test_a_page_becomes_a_pdf_of_the_same_bytes_each_time() -> None:
    drawn = write_pdf(PAGE)

    assert drawn.startswith(b"%PDF-")
    assert drawn == write_pdf(PAGE)


@pytest.mark.parametrize(
    "reference",
    [
        '<img src="file:///etc/hostname">',
        '<img src="http://127.0.0.1:9/a.png">',
        '<link rel="stylesheet" href="http://127.0.0.1:9/a.css">',
        '<style>@import "file:///etc/hostname"; body { background: url(http://127.0.0.1:9/b.png) }</style>',
    ],
)
def test_nothing_that_a_page_refers_to_is_fetched(reference: str) -> None:
    with pytest.raises(ReferenceRefused):
        write_pdf(PAGE.replace("<body>", f"<body>{reference}"))


def test_a_page_of_any_length_is_not_drawn() -> None:
    with pytest.raises(PdfTooLong):
        write_pdf("a" * (MOST_CHARACTERS + 1))


def test_where_the_extra_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    with pytest.raises(PdfUnavailable) as refused:
        write_pdf(PAGE)

    assert refused.value.http_status == 501
    assert "degnode[pdf]" in (refused.value.hint or "")


def test_where_a_library_of_the_system_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise OSError("cannot load library 'libpango-1.0-0': no such file\nand more")

    monkeypatch.setattr("settlement.statements.pdf.importlib.import_module", fail)

    with pytest.raises(PdfUnavailable, match="libpango") as refused:
        write_pdf(PAGE)

    assert "and more" not in str(refused.value)
    assert "Pango" in (refused.value.hint or "")
