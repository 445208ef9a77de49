"""For tests: a shop in memory, the contract that every adapter passes, and fixtures.

In a ``conftest.py``::

    pytest_plugins = ["retention.testing.fixtures"]
"""
