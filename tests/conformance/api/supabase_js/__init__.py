"""Supabase's client for browsers, as its package from npm has it, on Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.installed import missing

HERE = Path(__file__).parent
TIMEOUT_S = 60


def invoke(url: str, token: str, function: str, method: str) -> Any:
    """What the client got: `data`, and `refused` with the name, the status and the body of an error. Each may be None.

    Skips the test where the client is not installed, but for CI.
    """
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").exists():
        missing("Supabase's client for JavaScript")
    command = [node, HERE / "invoke.mjs", url, token, function, method]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    return json.loads(done.stdout)
