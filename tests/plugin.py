"""The pytest plugin of this project: servers before settings, and no run that skips."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.servers import Servers

SKIPPED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("retention")
    group.addoption(
        "--database",
        choices=["postgres", "sqlite"],
        default="postgres",
        help="what the suite runs on (default: postgres)",
    )
    group.addoption(
        "--shop-data",
        type=Path,
        default=None,
        help="the folder with the order histories that tests marked `data` read",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the servers: pytest-django reads the settings in this very hook.

    TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead. Whatever DATABASE_URL
    and REDIS_URL say outside is overridden: a test must never reach a shop's own database.
    """
    options = early_config.known_args_namespace
    folder = Path(tempfile.mkdtemp(prefix="retention-"))
    early_config.add_cleanup(lambda: shutil.rmtree(folder))
    # The shop's settings are the example's, whatever the shell says.
    for name in ("EMAIL_URL", "DEBUG", "SECRET_KEY", "BASE_URL", "DEMO_SPEED"):
        os.environ.pop(name, None)
    os.environ["DEMO_DATA"] = str(folder)
    database = os.environ.get("TEST_DATABASE_URL") if options.database == "postgres" else None
    redis = os.environ.get("TEST_REDIS_URL")
    # Nothing runs, so nothing is needed, but settings want to read something.
    idle = options.collectonly or options.help or options.version
    if options.database == "sqlite" or idle:
        database = database or f"sqlite:///{folder / 'shop.sqlite3'}"
    if idle:
        redis = redis or "redis://127.0.0.1:1/0"
    missing = [name for name, url in (("postgres", database), ("valkey", redis)) if not url]
    if missing:
        servers = Servers(*missing)
        early_config.add_cleanup(servers.stop)
        database = database or servers.urls.get("postgres")
        redis = redis or servers.urls.get("valkey")
    os.environ["DATABASE_URL"] = str(database)
    os.environ["REDIS_URL"] = str(redis)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []
    config.pluginmanager.register(_Skips(config), "retention-skips")


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.getoption('database')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database: deselected, not skipped."""
    other = {"postgres": "sqlite", "sqlite": "postgres"}[config.getoption("database")]
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker(other)]
        config.hook.pytest_deselected(items=left_out)


class _Skips:
    """A test that is skipped proves nothing, so the run fails."""

    def __init__(self, config: pytest.Config) -> None:
        self.names = config.stash[SKIPPED]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.names.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.names.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.names and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.names:
            terminalreporter.section("skipped, so this run fails", red=True)
            for name in self.names:
                terminalreporter.line(name)
