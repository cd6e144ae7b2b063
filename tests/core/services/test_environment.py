from pathlib import Path

import pytest

from supersync_core.errors import ConfigError
from supersync_core.services.environment import substitute

ENVIRONMENT = {"NAME": "value", "EMPTY": "", "DOLLAR": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a ${NAME} b", "a value b", id="variable"),
        pytest.param("${NAME}${NAME}", "valuevalue", id="two"),
        pytest.param("${MISSING:-x y}", "x y", id="default"),
        pytest.param("${MISSING:-}", "", id="empty default"),
        pytest.param("${EMPTY:-x}", "x", id="default of an empty variable"),
        pytest.param("${EMPTY}", "", id="empty variable"),
        pytest.param("$${NAME}", "${NAME}", id="escaped"),
        pytest.param("$1 $$ $NAME %{x} {y}", "$1 $$ $NAME %{x} {y}", id="dollars of SQL"),
        pytest.param("${DOLLAR}", "${NAME}", id="what a variable holds is not read again"),
    ],
)
def test_references_are_replaced(text: str, expected: str) -> None:
    assert substitute(text, ENVIRONMENT) == expected


def test_a_file_stands_in_for_a_variable_that_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    assert substitute("${DSN}", {"DSN_FILE": str(tmp_path / "secret")}) == "hunter2"
    assert substitute("${DSN}", {"DSN_FILE": str(tmp_path / "secret"), "DSN": "set"}) == "set"


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read"), (b"\xff", "not text in UTF-8"), (b"x" * 70_000, "longer than")]
)
def test_a_secret_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=f"DSN_FILE: .*{message}"):
        substitute("${DSN}", {"DSN_FILE": str(tmp_path / "secret")})
