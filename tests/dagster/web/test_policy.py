"""What holds for every page: nothing inline, nothing of another host, names are text, strangers stay outside."""

from collections.abc import Iterator

import httpx
import pytest

from supersync_core.domain.access import Role
from supersync_core.domain.incident import IncidentKind
from supersync_core.domain.pipeline import dagster_key
from supersync_core.ledger.database import Ledger
from tests.dagster.web.observed import draw, fill_observed, incident, report, reported_run
from tests.dagster.web.pages import Pages, fill, is_a_file_of_ours, parse, running_pages

HOSTILE = '"><script>alert(1)</script><a href=javascript:alert(1)>'
PATHS = [
    *("/supersync", "/supersync/pipelines/orders", f"/supersync/pipelines/{dagster_key('warehouse stock')}"),
    *("/supersync/pipelines/nobody", "/supersync/reporting", "/supersync/lineage", "/supersync/freshness"),
    *("/supersync/lineage?address=lake.raw.stock", "/supersync/incidents", "/supersync/incidents/1"),
    *("/supersync/diagnostics", "/supersync/login", "/api/docs"),
]
ADDRESSES = ("href", "src", "action", "hx-post", "hx-get", "hx-sse:connect")


@pytest.fixture(scope="module")
def filled(shared_ledger: Ledger) -> Iterator[Pages]:
    """Pages that are only read."""
    with running_pages(shared_ledger) as pages:
        fill(pages)
        fill_observed(pages)
        yield pages


def test_a_page_has_nothing_inline_and_nothing_of_another_host(filled: Pages) -> None:
    for path in PATHS:
        answer = filled.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        for tag, attrs in parse(answer.text).tags:
            assert tag != "style", path
            assert not [name for name in attrs if name == "style" or name.startswith("on")], path
            # Relative, so they lead to the right place below any prefix of a proxy.
            assert not [one for name in ADDRESSES if (one := attrs.get(name) or "").startswith("/") or ":" in one], path


def test_every_link_of_ours_leads_somewhere(filled: Pages) -> None:
    links = {
        (path, attrs["href"] or "")
        for path in PATHS
        for tag, attrs in parse(filled.get(path).text).tags
        if tag == "a" and (attrs.get("href") or "").partition("?")[0].find("supersync/") >= 0
    }
    base = filled.url
    found = {}
    for path, link in links:
        address = joined(base + path, link)
        if address not in found:
            found[address] = filled.get(address.removeprefix(base)).status_code
    assert len(found) > 30
    assert {address: status for address, status in found.items() if status != 200} == {}


def joined(page: str, link: str) -> str:
    return str(httpx.URL(page).join(link).copy_with(fragment=None))


def test_names_are_text_whatever_they_hold(pages: Pages) -> None:
    theirs = report(pages, HOSTILE, HOSTILE, extra={HOSTILE: HOSTILE})
    run = reported_run(pages, theirs, watermark="<b>", next_watermark=HOSTILE[:50])
    reported_run(pages, report(pages, f"{HOSTILE} part"), parent_id=run)
    draw(pages, theirs, [HOSTILE], ["b"])
    one = incident(pages, IncidentKind.ANOMALY, HOSTILE, title=HOSTILE, reason=HOSTILE, details={HOSTILE: [HOSTILE]})
    keys = [row.key for row in pages.context.board.snapshot().standings]
    paths = ["/supersync", "/supersync/reporting", "/supersync/freshness", "/supersync/incidents", "/supersync/lineage"]
    paths += [f"/supersync/incidents/{one}", *(f"/supersync/pipelines/{key}" for key in keys)]
    for path in [*paths, "/supersync/lineage?address=b", f"/supersync/reporting?q={HOSTILE}"]:
        html = pages.get(path).text
        scripts = [attrs for tag, attrs in parse(html).tags if tag == "script"]
        assert all(is_a_file_of_ours(attrs) for attrs in scripts), path
        assert "<script>" not in html, path
        assert not [attrs for tag, attrs in parse(html).tags if (attrs.get("href") or "").startswith("javascript:")]


def test_a_stranger_is_led_to_the_login(pages: Pages) -> None:
    pages.token(Role.VIEWER)
    for path in PATHS:
        if not path.endswith("login"):
            assert pages.get(path, headers={"accept": "text/html"}).status_code == 303, path


def test_scripts_of_one_page_are_on_no_other(filled: Pages) -> None:
    found = {path: scripts(filled, path) for path in PATHS}
    assert found["/supersync"] == {"htmx.min.js", "hx-sse.min.js", "app.js"}
    assert [path for path, names in found.items() if "cytoscape.min.js" in names] == [
        "/supersync/lineage?address=lake.raw.stock"
    ]
    assert {path for path, names in found.items() if "uplot.min.js" in names} == {*PATHS[1:3], "/supersync/reporting"}


def scripts(pages: Pages, path: str) -> set[str]:
    tags = parse(pages.get(path).text).tags
    return {(attrs["src"] or "").rpartition("/")[2] for tag, attrs in tags if tag == "script"}
