import pytest

from supersync_core.connectors.dsn import check_url, masked_dsn
from supersync_core.errors import ConfigError

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:hunter2@db:5432/shop", "postgresql://me:********@db:5432/shop"),
        ("postgresql://me@db/shop", "postgresql://me@db/shop"),
        ("postgresql:///shop?host=/run/pg", "postgresql:///shop?host=/run/pg"),
        ("postgresql://me:hunter2@[::1]:5432/shop", "postgresql://me:********@[::1]:5432/shop"),
        ("postgresql://me:hunter2@a:1,b:2/shop", "postgresql://me:********@a:1,b:2/shop"),
        ("postgresql://a%40tenant:hunter2@db/shop", "postgresql://a%40tenant:********@db/shop"),
        ("mysql://db/shop?password=hunter2&charset=utf8", "mysql://db/shop?password=********&charset=utf8"),
        ("host=db password='a hunter2' port=1", "host=db password=******** port=1"),
        ("host=db pasword=hunter2 foo=x", "host=db pasword=******** foo=********"),
        ("host = db passfile = /x", "host=db passfile=********"),
    ],
)
def test_a_dsn_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert masked_dsn(dsn) == shown


@pytest.mark.parametrize(
    "dsn",
    [
        "hunter2",
        "hunter2://",
        "postgresql://me:x/hunter2@db/shop",
        "postgresql://me:x@hunter2@db/shop",
        "postgresql://me:x#hunter2@db/shop",
        "postgresql://me:x?hunter2@db/shop",
        "postgresql://me:x[hunter2@db/shop",
        "postgresql://me:hunter2/shop",
        "host=db password=a'hunter2",
        "host=db password=a hunter2",
        "host=db,password=hunter2",
    ],
)
def test_a_dsn_that_can_be_read_in_two_ways_is_not_shown_at_all(dsn: str) -> None:
    assert SECRET not in masked_dsn(dsn)


@pytest.mark.parametrize("password", ["x/hunter2", "x@hunter2", "x#hunter2", "x?hunter2", "hunter2["])
def test_a_url_with_an_unescaped_password_is_refused_without_repeating_it(password: str) -> None:
    with pytest.raises(ConfigError, match="write @ as %40") as caught:
        check_url(f"postgresql://me:{password}@db/shop")
    assert SECRET not in str(caught.value)
