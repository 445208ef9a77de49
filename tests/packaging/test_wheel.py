"""What a merchant gets: the wheel, installed where nothing of the project's tree is near."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RENDERED = {
    "retention": "retention/layout.html",
    "campaigns": "campaigns/wallet.html",
    "loyalty": "loyalty/movements.html",
}
"""A template of each app that needs no values."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation: hatchling is here already, and a test asks no registry.
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the installed wheel says of itself; see installed.py."""
    empty = tmp_path_factory.mktemp("shop")
    run(sys.executable, "-m", "venv", empty / "venv")
    python = empty / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
    # What the wheel depends on is taken from the environment of this run.
    [site] = (empty / "venv").glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    script = Path(__file__).with_name("installed.py")
    # -I: neither the current folder, nor the script's, nor PYTHONPATH lead to the tree.
    return json.loads(run(python, "-I", script, *RENDERED.values(), cwd=empty))


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        *("retention", "campaigns", "loyalty", "django_retention"),
    }


def test_every_template_of_the_tree_is_in_the_wheel(installed: dict[str, Any]) -> None:
    for app, found in installed["templates"].items():
        assert found
        assert found == sorted(
            path.relative_to(ROOT / "templates").as_posix()
            for path in (ROOT / "templates" / app).rglob("*")
            if path.is_file()
        )


def test_the_pages_that_extend_oscar_travel_inside_the_adapter(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "retention/contrib/oscar/templates/oscar/checkout/thank_you.html" in names


@pytest.mark.parametrize("language", ["es", "ru", "zh_Hans"])
@pytest.mark.parametrize("app", sorted(RENDERED))
def test_compiled_translations_are_in_the_wheel(wheel: Path, app: str, language: str) -> None:
    assert f"{app}/locale/{language}/LC_MESSAGES/django.mo" in zipfile.ZipFile(wheel).namelist()


def test_labels_are_those_the_tables_are_named_after(installed: dict[str, Any]) -> None:
    assert installed["labels"] == {
        "retention": "retention",
        "campaigns": "retention_campaigns",
        "loyalty": "retention_loyalty",
    }


def test_one_template_of_each_app_renders_from_the_installed_wheel(installed: dict[str, Any]) -> None:
    for app, name in RENDERED.items():
        assert "site-packages" in installed["places"][app]
        assert installed["rendered"][name].strip()


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
