"""One use case is one function is one transaction. No word of HTTP, no word of Dagster."""
