"""Settings for all tests: none depends on how busy the machine is, or on what Scrapy did in a test before it."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _no_project_of_another_test() -> Iterator[None]:
    """Scrapy tells its child processes the project by the environment, and a test may call what does so."""
    before = os.environ.get("SCRAPY_SETTINGS_MODULE")
    yield
    if before is None:
        os.environ.pop("SCRAPY_SETTINGS_MODULE", None)
    else:
        os.environ["SCRAPY_SETTINGS_MODULE"] = before
