"""The pages that a person looks at, in a real browser: the demo's report and the API's documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from playwright.async_api import Browser

from degnode.demo.playbill import Playbill
from degnode.demo.report import write_report
from node.documentation import add_documentation
from tests.support.browsing import Watch
from tests.support.loopback_server import LoopbackServer
from tests.support.report_transaction import transaction

pytestmark = pytest.mark.browser


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    write_report(path, transaction(), playbill=Playbill(title="energy", source="roof", target="shop"))
    return path


@pytest.mark.parametrize("width", [1_280, 375])
async def test_the_report_shows_bill_and_chart_without_asking_anybody(
    browser: Browser, report: Path, width: int
) -> None:
    page, watch = await browser.new_page(viewport={"width": width, "height": 800}), Watch()
    watch.over(page)
    await page.goto(report.as_uri())

    bill = page.locator("section", has=page.get_by_role("heading", name="Bill bill-1"))
    assert await bill.get_by_text("Energy Cost").is_visible()
    assert (await bill.locator("tr.total td.number").inner_text()) == "4.00"
    await page.locator(".plotly .bars path").first.wait_for(state="visible")
    assert await page.locator(".plotly .bars path").count() == 3
    assert await page.locator(".plotly .scatter path.js-line").count() == 2
    assert await page.locator("code", has_text="order-<b>7f3a</b>").is_visible()
    await page.locator("summary").click()
    assert await page.locator("details pre").is_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert watch.complaints == []
    assert watch.requests == [report.as_uri()]


async def test_the_documentation_of_an_api_is_a_page_of_its_own(browser: Browser) -> None:
    app = FastAPI(title="<i>An API</i>", docs_url=None, redoc_url=None)
    router = APIRouter(tags=["trees"])

    @router.get("/trees/{name}", summary="How a tree <stands>")
    async def tree(name: str) -> str:
        """Say how it stands."""
        return name

    app.include_router(router)
    add_documentation(app)
    async with LoopbackServer(app) as server:
        page, watch = await browser.new_page(), Watch()
        watch.over(page)
        await page.goto(f"{server.url}/docs")
        assert await page.get_by_role("heading", name="<i>An API</i>").is_visible()
        assert await page.get_by_text("How a tree <stands> (open to all)").is_visible()
        await page.locator("summary").click()
        assert await page.get_by_text("Say how it stands.").is_visible()
        assert watch.complaints == []
        assert {url for url in watch.requests if not url.endswith("favicon.ico")} == {f"{server.url}/docs"}
