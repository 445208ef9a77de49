#!/usr/bin/env python
"""Write the generated pages of docs/reference, or check that they are fresh.

usage: scripts/reference.py [--check]
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
APPS = ("retention", "campaigns", "loyalty")
NOTE = "<!-- Written by scripts/reference.py; change the code instead. -->\n"


def settings() -> str:
    """Return every settings key with type, default and sentence."""
    lines = ["# Settings", "", NOTE, "Wiring only, in one dict per app. Unknown keys are an error.", ""]
    for app in APPS:
        tree = ast.parse((ROOT / app / "conf.py").read_text())
        section = next(node for node in tree.body if isinstance(node, ast.ClassDef))
        lines += [f"## `{app.upper()}`", "", "| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for node, following in zip(section.body, [*section.body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.isupper():
                default = ast.unparse(node.value) if node.value else ""
                kind = ast.unparse(node.annotation).replace("|", "or")
                lines.append(f"| `{node.target.id}` | {kind} | `{default}` | {_docstring(following)} |")
        lines.append("")
    return "\n".join(lines)


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(inspect.cleandoc(node.value.value).split())
    raise SystemExit("A settings key has no docstring.")


def checks() -> str:
    """Return every system check with its message and cure."""
    lines = ["# System checks", "", NOTE, "`manage.py check` prints them. An id is never reused.", ""]
    lines += ["| id | what it says | cure |", "| --- | --- | --- |"]
    rows = {}
    for path in sorted(p for app in APPS for p in (ROOT / app).rglob("checks.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Error", "Warning"):
                words = {word.arg: word.value for word in call.keywords}
                if "id" in words:
                    name = ast.literal_eval(words["id"])
                    hint = _text(words["hint"]) if "hint" in words else ""
                    rows[name] = f"| `{name}` | {_text(call.args[0])} | {hint} |"
    return "\n".join([*lines, *(rows[name] for name in sorted(rows, key=_number))]) + "\n"


def _number(name: str) -> tuple[str, str]:
    app, _, rest = name.partition(".")
    return app, rest[1:]


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).replace("|", "\\|").replace("\n", " ")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


def facts() -> str:
    """Return the vocabulary of facts with their fields."""
    from retention.facts import KINDS, FactData  # noqa: PLC0415  (after django.setup)

    shared = {field.name for field in dataclasses.fields(FactData)}
    lines = ["# Facts", "", NOTE]
    lines += ["Each fact has `customer` (our id or null) and `at` (UTC), and these fields:", ""]
    lines += ["| fact | fields | when |", "| --- | --- | --- |"]
    for kind in sorted(KINDS):
        fields = [field.name for field in dataclasses.fields(KINDS[kind]) if field.name not in shared]
        words = " ".join(inspect.cleandoc(KINDS[kind].__doc__ or "").split())
        lines.append(f"| `{kind}` | {', '.join(f'`{name}`' for name in fields) or '–'} | {words} |")
    return "\n".join(lines) + "\n"


def flow() -> str:
    """Return what `manage.py retention_flow` prints, as a page."""
    from retention.services import flow as service  # noqa: PLC0415  (after django.setup)

    told = "`manage.py retention_flow` prints the same for your installation."
    return f"# Flow\n\n{NOTE}\n{told}\n\n{service.describe()}"


def mails() -> str:
    """Return every mail with its purpose, its values, and what staff can put into it."""
    from retention import registry  # noqa: PLC0415  (after django.setup)
    from retention.mail import COMMON  # noqa: PLC0415
    from retention.services import texts  # noqa: PLC0415

    lines = ["# Mails and their values", "", NOTE]
    lines += [
        "What staff can write between `{{` and `}}` in each mail. See [Write your own texts](../how-to/texts.md)."
    ]
    lines += ["", "## In every mail", "", *_values(COMMON)]
    for mail in sorted(registry.mails, key=lambda one: one.name):
        lines += ["", f"## {mail.label}", "", f"`{mail.name}`, {mail.purpose}", ""]
        lines += _values(mail.values)
        if blocks := [f"`{part.block}`" for part in texts.parts(mail)]:
            lines += ["", f"Ready blocks: {', '.join(blocks)}."]
    lines += ["", "## Ready blocks", "", "Empty where there is nothing to show."]
    for part in sorted(registry.mail_parts, key=lambda one: one.name):
        lines += ["", f"### `{part.block}`", "", f"{part.label}. Registered as `{part.name}`."]
        if part.values:
            lines += ["", *_values(part.values)]
    return "\n".join(lines) + "\n"


def _values(values: Mapping[str, object]) -> list[str]:
    return [
        "| value | what it is |",
        "| --- | --- |",
        *(f"| `{name}` | {meaning} |" for name, meaning in values.items()),
    ]


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page's path and text."""
    for write in (settings, checks, facts, flow, mails):
        yield PAGES / f"{write.__name__}.md", write()


def stale() -> list[str]:
    """Return the names of pages that are not what the code says now."""
    return [path.name for path, text in pages() if not path.exists() or path.read_text() != text]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
    django.setup()
    if "--check" in sys.argv:
        if old := stale():
            sys.exit(f"Not fresh: {', '.join(old)}. Run scripts/reference.py.")
    else:
        for path, text in pages():
            path.write_text(text)
