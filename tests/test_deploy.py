"""What `deploy/` names exists: no Docker is needed to see a command or an option that was renamed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
COMMANDS = {name: service["command"] for name, service in COMPOSE["services"].items() if "command" in service}


@pytest.mark.parametrize("service", COMMANDS)
def test_the_command_of_a_service_knows_its_options(service: str) -> None:
    program, *arguments = shlex.split(COMMANDS[service])
    subcommands = [word for word in arguments[:2] if not word.startswith("-")]
    executable = Path(sys.executable).with_name(program)
    asked = subprocess.run([executable, *subcommands, "--help"], capture_output=True, text=True, check=True)
    for option in (word for word in arguments if word.startswith("--")):
        assert re.search(rf"{option}\b", asked.stdout), f"{program} has no {option}"


def test_every_service_waits_for_services_that_are_there() -> None:
    services = COMPOSE["services"]
    assert {need for service in services.values() for need in service.get("depends_on", ())} <= set(services)


def test_the_image_copies_files_that_are_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    names = [name for names in copied for name in names.split()]
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_webserver_is_open_on_this_machine_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:3000:3000"]
