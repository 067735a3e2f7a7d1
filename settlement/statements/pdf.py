"""An invoice's page as a PDF, for paper: drawn by WeasyPrint, which is an extra, from the page alone."""

from __future__ import annotations

import importlib
from typing import Any, Final

from kernel.errors import NodeError

MOST_CHARACTERS: Final = 100_000
"""Of a page that is drawn: hundreds of lines, and a minute on a busy machine."""
DEBIAN_PACKAGES: Final = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
"""What WeasyPrint loads of the system, with all that those need."""


class PdfUnavailable(NodeError):
    """What draws a PDF is not installed on this node."""

    code, http_status, retryable = "PDF_UNAVAILABLE", 501, False


class PdfTooLong(NodeError):
    """A page would take too long to be drawn."""

    code, http_status, retryable = "PDF_TOO_LONG", 422, False


class ReferenceRefused(ValueError):
    """A page refers to something else; nothing is ever fetched for one."""


def write_pdf(page: str) -> bytes:
    """Return an HTML page as a PDF for A4; it takes seconds, and the same page gives the same bytes.

    Raises: PdfUnavailable, where WeasyPrint or a library of the system that it needs is missing; PdfTooLong;
    ReferenceRefused, where the page is not one of ours.
    """
    if len(page) > MOST_CHARACTERS:
        raise PdfTooLong(
            f"a page of more than {MOST_CHARACTERS} characters is not drawn", hint="Ask for HTML or CSV."
        )
    library = _load()
    refusing = library.URLFetcher(allowed_protocols=(), fail_on_errors=True)
    try:
        drawn: bytes = library.HTML(string=page, url_fetcher=refusing).write_pdf()
    except library.urls.FatalURLFetchingError as error:
        raise ReferenceRefused("a page that is drawn refers to nothing") from error
    return drawn


def _load() -> Any:  # noqa: ANN401  a module that need not be there
    try:
        return importlib.import_module("weasyprint")
    except ImportError as error:
        raise PdfUnavailable(
            "a PDF needs WeasyPrint, which is not installed here",
            hint="Install it (pip install 'degnode[pdf]'), or ask for HTML.",
        ) from error
    except OSError as error:  # of a library that it loads
        raise PdfUnavailable(
            f"a PDF needs Pango, which is not installed here: {error}".splitlines()[0],
            hint=f"Install Pango (Debian: apt install {' '.join(DEBIAN_PACKAGES)}), or ask for HTML.",
        ) from error
