import pytest
from dagster import __version__

from supersync_core.errors import ConfigError
from supersync_dagster.seams import SEAMS, check_seams, supported_version


@pytest.mark.parametrize("seam", SEAMS)
def test_the_private_part_is_there(seam: str) -> None:
    check_seams([seam])


@pytest.mark.parametrize(
    "seam", ["dagster_webserver.gone:DagsterWebserver", "dagster_webserver.webserver:DagsterWebserver.gone"]
)
def test_a_part_that_is_gone_is_named_with_the_version_that_has_it(seam: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_seams([seam])
    assert all(word in str(error.value) for word in (seam, f"dagster {supported_version()}", __version__))


def test_the_supported_version_is_the_one_that_is_required() -> None:
    assert supported_version().startswith("~=1.13")
