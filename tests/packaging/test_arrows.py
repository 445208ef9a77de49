"""Arrows between modules that import-linter cannot see: it knows packages of others only as a whole."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_only_what_writes_and_sends_mails_touches_django_mail() -> None:
    found = {path for path, name in imports() if name.startswith("django.core.mail")}
    assert found == {f"retention/services/{name}.py" for name in ("writing", "letters", "parcel", "line")}


def imports() -> Iterator[tuple[str, str]]:
    """Yield (file, imported name) for all imports of the shipped packages."""
    for app in ("retention", "campaigns", "loyalty"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                else:
                    names = []
                yield from ((path.relative_to(ROOT).as_posix(), name) for name in names)
