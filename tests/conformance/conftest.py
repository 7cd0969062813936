"""Judges that are not installed: a reason to skip, or to fail where all must be."""

import importlib.util

import pytest


@pytest.fixture(scope="session")
def need(pytestconfig):
    """Skip if a module is not installed; fail with --require-backends."""

    def needed(*modules):
        for module in modules:
            if importlib.util.find_spec(module) is None:
                if pytestconfig.getoption("--require-backends"):
                    pytest.fail(f"{module} is not installed")
                pytest.skip(f"{module} is not installed")

    return needed
