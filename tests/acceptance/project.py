"""A directory with a configuration, in which commands are run."""

from pathlib import Path

from tests.acceptance.console import Result, supersync, with_password

CONFIG = """
connections:
  shop: {type: postgres, dsn: "${SHOP}"}
  lake: {type: postgres, dsn: "${LAKE}"}
pipelines:
  - name: Orders
    title: All orders
    kind: table_sync
    source: {connection: shop, table: public.orders}
    target: {connection: lake, table: raw.orders}
    every: 300
  - name: slow
    kind: table_sync
    source: {connection: shop, table: public.slow}
    target: {connection: lake, table: raw.slow, primary_key: id}
"""


class Project:
    """A directory with a configuration, and the environment that it needs."""

    def __init__(self, directory: Path, shop: str, lake: str, ledger: str) -> None:
        self.directory, self.shop, self.lake, self.ledger = directory, shop, lake, ledger
        self.env = {
            "SHOP": with_password(shop),
            "LAKE": with_password(lake),
            "SUPERSYNC_DATABASE_URL": with_password(ledger),
        }
        (directory / "supersync.yaml").write_text(CONFIG)

    def __call__(self, *arguments: str, **env: str) -> Result:
        """Run supersync there."""
        return supersync(*arguments, cwd=self.directory, env={**self.env, **env})
