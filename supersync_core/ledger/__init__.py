"""The one record of the six nouns: tables, queries, migrations, and the embedded server that may hold them."""
