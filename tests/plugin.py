"""The pytest plugin of this project: servers before settings, and no run that skips."""

import os
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
        "--needs-database",
        action="store_true",
        help="leave out tests that use no database: for the second run, on the other one",
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
    urls = {"valkey": os.environ.get("TEST_REDIS_URL")}
    if options.database == "postgres":
        urls["postgres"] = os.environ.get("TEST_DATABASE_URL")
    # Nothing runs here, so nothing is needed: no test will open these. Each process of several has servers of its own.
    shares_out = options.numprocesses and "PYTEST_XDIST_WORKER" not in os.environ
    if options.collectonly or options.help or options.version or shares_out:
        urls = {"valkey": "redis://127.0.0.1:1/0", "postgres": "postgres://127.0.0.1:1/none"}
    servers = Servers(*(name for name, url in urls.items() if not url))
    early_config.add_cleanup(servers.stop)
    urls |= servers.urls
    sqlite = f"sqlite:///{servers.folder}/shop.sqlite3"
    # The shop's settings are the example's, whatever the shell says.
    for name in ("EMAIL_URL", "DEBUG", "SECRET_KEY", "BASE_URL", "DEMO_SPEED"):
        os.environ.pop(name, None)
    os.environ["DEMO_DATA"] = servers.folder
    os.environ["DATABASE_URL"] = urls.get("postgres") or sqlite
    os.environ["REDIS_URL"] = urls["valkey"]
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []
    config.pluginmanager.register(_Skips(config), "retention-skips")


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.getoption('database')}"


@pytest.hookimpl(trylast=True)  # after those that shuffle
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database, or has run there: deselected, not skipped."""
    database = config.getoption("database")
    other = {"postgres": "sqlite", "sqlite": "postgres"}[database]
    left_out = [item for item in items if item.get_closest_marker(other)]
    if config.getoption("needs_database"):
        left_out += [item for item in items if not (_uses_database(item) or item.get_closest_marker(database))]
    if left_out:
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _uses_database(item: pytest.Item) -> bool:
    """Whether a test may open the database; every other one says the same on both."""
    asked_for = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(asked_for) or item.get_closest_marker("django_db") is not None


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
