"""The way of the data, in words, from the registry."""

from __future__ import annotations

from django.utils import translation

from retention import registry
from retention.facts import KINDS


def describe() -> str:
    """Return fact → subscriber → what it does, and the ticks, as Markdown in English."""
    with translation.override("en"):
        lines = ["| fact | subscriber | what it does |", "| --- | --- | --- |"]
        for kind in sorted(KINDS):
            takers = [one for one in registry.subscribers if KINDS[kind] in one.facts]
            for taker in takers:
                lines.append(f"| `{kind}` | `{taker.name}` | {taker.does} |")
            if not takers:
                lines.append(f"| `{kind}` | – | |")
        lines += ["", "| tick | every | what it does |", "| --- | --- | --- |"]
        lines += [f"| `{tick.name}` | {tick.every} s | {tick.does} |" for tick in registry.ticks]
    return "\n".join(lines) + "\n"
