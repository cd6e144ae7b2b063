"""What the pages are drawn with: pinned, licensed, kept by browsers."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import supersync_dagster.web
from supersync_core.domain.access import Role
from supersync_dagster.web.static import address, assets
from tests.dagster.web.pages import Pages

ROOT = Path(__file__).parents[3]
MANIFESTS = [Path(supersync_dagster.web.__file__).parent / "static/manifest.json"]
MANIFESTS.append(ROOT / "tests/acceptance/axe/manifest.json")


def packages(manifest: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(manifest.read_text())["packages"]
    return found


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_the_files_are_those_of_the_manifest_and_no_others(manifest: Path) -> None:
    named = {name: one["sha256"] for package in packages(manifest) for name, one in package["files"].items()}
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (manifest.parent / "vendor").iterdir()
    }
    assert there == named


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_each_package_is_pinned_and_brings_its_licence(manifest: Path) -> None:
    for package in packages(manifest):
        assert package["name"]
        assert package["version"].count(".") == 2
        assert package["licence"]
        assert len(package["sha256"]) == 64
        licences = [name for name in package["files"] if name.endswith("LICENSE")]
        assert (manifest.parent / "vendor" / licences[0]).read_text().strip()


def test_a_file_is_kept_for_good_at_the_address_of_its_content(pages: Pages) -> None:
    answer = pages.get(f"/{address('app.js')}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert answer.content == assets()["app.js"].content


def test_a_file_of_another_version_is_not_kept(pages: Pages) -> None:
    answer = pages.get("/supersync/static/0123456789abcdef/app.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["nothing.js", "../__init__.py", "%2e%2e/__init__.py", "vendor"])
def test_there_is_nothing_else(pages: Pages, path: str) -> None:
    assert pages.get(f"/supersync/static/0123456789abcdef/{path}").status_code == 404


def test_files_are_there_for_strangers(pages: Pages) -> None:
    pages.token(Role.VIEWER)
    assert pages.get(f"/{address('base.css')}").status_code == 200
