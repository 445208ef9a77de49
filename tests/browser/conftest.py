"""A visitor's browser: the system's Chromium, or the one that CHROMIUM names."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# Playwright's synchronous calls run a loop in the test's own thread; Django would take the
# test for asynchronous code and refuse it the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "no Chromium: run `make test-browser`, which installs it or says how"
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses root.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A visitor who was never here before."""
    with chromium.new_context() as context:
        yield context.new_page()
