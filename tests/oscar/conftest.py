"""The real Oscar shop of the example, for everything in this folder."""

import pytest

from tests.oscar.world import OscarWorld


@pytest.fixture
def world(db: None) -> OscarWorld:
    return OscarWorld()
