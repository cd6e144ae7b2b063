"""`make demo`, from nothing to the report."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_demo_ends_with_five_equal_tables_and_leaves_no_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--exit"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^\w+ .* equal\s*$", done.stdout, re.MULTILINE)) == 5
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert [line for line in listed.splitlines() if str(tmp_path) in line] == []
