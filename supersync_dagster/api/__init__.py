"""The HTTP API: one FastAPI application per dialect, served in front of Dagster's UI.

A dialect owns the paths, bodies, words and error body of its document, and nothing else: it translates, and calls a
service. To add one, write a package with `create_app(context) -> FastAPI` and name it in `app.APPS`.
"""
