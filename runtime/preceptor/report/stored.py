"""The page of a report that is in storage."""

from __future__ import annotations

from preceptor.report.page import render_page
from preceptor.report.schema import Report
from preceptor.storage import layout
from preceptor.storage.store import Store


def write_page(store: Store, report: Report) -> None:
    """Write a report's page anew, as this release draws it; ``report.json`` stays as it is.

    Raises:
        StorageError: the root cannot be written.
    """
    store.write(layout.REPORT_HTML, render_page(report).encode())
