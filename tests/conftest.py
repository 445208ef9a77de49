"""What every test may ask for."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.emptying import quick

# A shop in memory, a clock, and doing at once what the ticks would do.
pytest_plugins = ["retention.testing.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def routes() -> None:
    """Read the URLs while every app is registered: who reads them first decides which routes the API has."""
    import_module(settings.ROOT_URLCONF)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, and a quick way to empty it after each test that commits."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(quick())
        yield


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The URL of the run's Redis-compatible server, which all tests share."""
    return os.environ["REDIS_URL"]


@pytest.fixture(scope="session")
def shop_data(request: pytest.FixtureRequest) -> Path:
    """The folder given by --shop-data, for tests marked `data`."""
    folder = request.config.getoption("shop_data")
    assert folder is not None, "run it as: make test-data DATA=folder"
    assert folder.is_dir(), f"no such folder: {folder}"
    return folder


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The URL of the test database, for processes that a test starts; what they see is committed."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
