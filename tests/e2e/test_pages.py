"""The pages that a person looks at, in a real browser: the demo's report and the API's documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from fastapi import APIRouter, FastAPI
from playwright.async_api import Browser

from degnode.demo.playbill import Playbill
from degnode.demo.report import write_report
from node.documentation import add_documentation
from search.page import Results, write_refusal, write_results
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


CONTRASTS = """() => {
    const parts = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number)
    const light = (colour) => {
        const [r, g, b] = parts(colour).map((each) => each / 255)
            .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = (element) => {
        const colour = getComputedStyle(element).backgroundColor
        return parts(colour)[3] === 0 && element.parentElement ? behind(element.parentElement) : colour
    }
    const kinds = "h1, h2, h3, p, a, th, td, dt, dd, label, button, bdi, summary, .badge"
    return [...document.querySelectorAll(kinds)].filter((each) => each.innerText).map((each) => {
        const [ink, paper] = [light(getComputedStyle(each).color), light(behind(each))]
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
    })
}"""
"""Of every text its contrast with what is behind it, as WCAG has it: 4.5 is the least."""
ARABIC = "سطح المدرسة رقم 7"


@pytest.fixture
def found(tmp_path: Path) -> Path:
    item = {
        "beckn:id": "roof",
        "beckn:descriptor": {"schema:name": f"{ARABIC} \u202e<img src=x>"},
        "beckn:provider": {"beckn:descriptor": {"schema:name": "wide" * 60}},
    }
    offer = {"beckn:items": ["roof"], "beckn:price": {"value": "0.15", "currency": "USD"}}
    shop = {"beckn:items": [item], "beckn:offers": [offer], "beckn:descriptor": {"schema:name": "Roofs"}}
    results = Results(catalogs=[shop], total=3, first=1, earlier="?offset=0", later="?offset=2")
    path = tmp_path / "found.html"
    path.write_text(write_results(results, title=ARABIC, asked={}), encoding="utf-8")
    return path


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    path = tmp_path / "refused.html"
    path.write_text(write_refusal("lat is no number", title="Roofs", asked={}), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1_280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "found", "refused"])
async def test_a_page_is_legible_by_day_and_by_night(
    browser: Browser, request: pytest.FixtureRequest, name: str, scheme: Literal["light", "dark"], width: int
) -> None:
    path: Path = request.getfixturevalue(name)
    page = await browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    await page.goto(path.as_uri())
    contrasts = await page.evaluate(CONTRASTS)
    assert len(contrasts) > 3
    assert min(contrasts) >= 4.5
    dark = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).every((each) => each < 128)"
    assert await page.evaluate(dark) is (scheme == "dark")
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_names_written_from_right_to_left_turn_nothing_else_round(
    browser: Browser, found: Path
) -> None:
    page = await browser.new_page()
    await page.goto(found.as_uri())
    assert await page.get_by_role("heading", level=3).inner_text() == f"{ARABIC} \u202e<img src=x>"
    assert await page.locator("img").count() == 0
    assert await page.locator("h3 bdi").evaluate("(each) => getComputedStyle(each).unicodeBidi") == "isolate"
    assert await page.get_by_text("2 to 2 of 3 found.").is_visible()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "text"


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
