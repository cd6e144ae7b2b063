"""Systems that data comes from and goes to: one folder each, the same file names in each.

To add one: make a module with `Config`, `table_source(config)` and, if it can hold tables, `table_sink(config)`; fulfil
the contracts of `base.py`; name it in the entry point group `supersync.connectors`; and run the conformance suite in
`tests/conformance` over it.
"""
