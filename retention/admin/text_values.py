"""What staff can put into a text, with what each is and how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from retention.mail import COMMON, Mail
from retention.services import samples, texts


def groups(mail: Mail, language: str) -> Iterator[dict[str, Any]]:
    """Yield what can be put into a text: ready blocks, this mail's values, and those of every mail."""
    known = samples.values(mail, language=language, first_name="Ada")
    parts = texts.parts(mail)

    def row(name: str, meaning: object) -> dict[str, Any]:
        sample: Any = known
        for step in name.split("."):
            sample = sample.get(step) if isinstance(sample, dict) else None
        shown = "" if isinstance(sample, list | bool) or sample in (None, name) else str(sample)
        return {"name": name, "meaning": meaning, "insert": f"{{{{ {name} }}}}", "sample": shown}

    blocks = []
    for part in parts:
        insert = f"{{{{ {part.block} }}}}"
        if part.build and part.values:
            insert = f"{{% if {next(iter(part.values))} %}}\n{insert}\n{{% endif %}}"
        blocks.append({"name": part.block, "meaning": part.label, "insert": insert, "sample": ""})
    own = [row(name, meaning) for name, meaning in mail.values.items()]
    own += [row(name, meaning) for part in parts for name, meaning in part.values.items()]
    every = [row(name, meaning) for name, meaning in COMMON.items()]
    for title, rows in (
        (_("Ready blocks"), blocks),
        (_("Values of this mail"), own),
        (_("Values of every mail"), every),
    ):
        if rows:
            yield {"title": title, "rows": rows, "blocks": rows is blocks}
