"""Finding the spellings of one mailbox in the database, by an index."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, TextField

from retention.hashing import fold


class Letters(Func):
    """What stands before the @ of an address, without plus-tag and dots: the same for all spellings of one mailbox.

    No parameters, so that SQLite, too, sees that it is what the index holds.
    """

    arity = 1
    output_field = TextField()
    template = (
        "REPLACE(SUBSTR(%(expressions)s, 1, LEAST(STRPOS(%(expressions)s || '+', '+'), "
        "STRPOS(%(expressions)s || '@', '@')) - 1), '.', '')"
    )

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = self.template.replace("LEAST", "MIN").replace("STRPOS", "INSTR")
        return self.as_sql(compiler, connection, template=template, **more)


def letters(email: str) -> str:
    """Return of an address what ``Letters`` returns in the database."""
    return fold(email).partition("@")[0].replace(".", "")
