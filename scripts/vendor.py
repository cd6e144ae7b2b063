"""Fetch what the pages are drawn with from npm, as the manifests pin it: `python scripts/vendor.py [--update]`.

A manifest names packages with version, licence, SHA-256 of the tarball, and the files taken from it with theirs. A sum
that differs is an error; with `--update`, after a change of versions or files, the sums are written anew.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MANIFESTS = (ROOT / "supersync_dagster/web/static/manifest.json", ROOT / "tests/acceptance/axe/manifest.json")
"""The files of each lie in `vendor/` beside it."""


def main(*, update: bool) -> None:
    """Fetch all packages of all manifests. Raises SystemExit for a sum that differs."""
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to fetch packages: install it, then try again")
    for path in MANIFESTS:
        manifest = json.loads(path.read_text())
        vendor = path.parent / "vendor"
        shutil.rmtree(vendor, ignore_errors=True)
        vendor.mkdir()
        for package in manifest["packages"]:
            _fetch(package, vendor, update=update)
        if update:
            path.write_text(json.dumps(manifest, indent=2) + "\n")


def _fetch(package: dict[str, Any], vendor: Path, *, update: bool) -> None:
    named = f"{package['name']}@{package['version']}"
    with tempfile.TemporaryDirectory() as directory:
        packed = subprocess.run(
            ["npm", "pack", "--silent", named], cwd=directory, check=True, stdout=subprocess.PIPE, text=True
        )
        tarball = Path(directory, packed.stdout.strip())
        _compare(named, package, tarball.read_bytes(), update=update)
        with tarfile.open(tarball) as archive:
            for name, file in package["files"].items():
                member = archive.extractfile(f"package/{file['from']}")
                if member is None:
                    raise SystemExit(f"{named} has no file {file['from']}")
                content = member.read()
                _compare(f"{named}: {name}", file, content, update=update)
                (vendor / name).write_bytes(content)
    print(f"{named}: {len(package['files'])} files")


def _compare(what: str, entry: dict[str, Any], content: bytes, *, update: bool) -> None:
    found = hashlib.sha256(content).hexdigest()
    if update:
        entry["sha256"] = found
    elif entry["sha256"] != found:
        raise SystemExit(f"{what}: its SHA-256 is {found}, not {entry['sha256']}")


if __name__ == "__main__":
    main(update="--update" in sys.argv[1:])
