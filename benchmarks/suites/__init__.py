"""The suites of `bench.py`, one a module: `races(settings)` says what is measured."""
