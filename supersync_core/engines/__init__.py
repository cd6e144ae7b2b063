"""Engines move data. They know no HTTP, no Dagster and no ledger: what they are told, they do, and say how it went."""
