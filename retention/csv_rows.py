"""CSV files that people upload: with commas, semicolons or tabs, with or without a mark at their start."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TextIO

from django.utils.translation import gettext as _


class NotReadable(Exception):
    """The file is none that can be read, for the reason that it gives."""


def read(content: bytes, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each line that has any, without what only separates. Raises NotReadable.

    ``strict``: a quotation mark that is never closed is an error; else it swallows the lines behind it.
    """
    text = _text(content)
    yield from _cells(io.StringIO(text, newline=""), text.lstrip()[:10_000].partition("\n")[0], strict=strict)


def stream(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield as ``read`` does, strictly, from a file that is too large to be held. Open it as UTF-8, ``newline=""``."""
    try:
        head = file.readline(10_000)
    except UnicodeDecodeError as error:
        raise _not_utf8(1) from error
    if head.startswith("\ufeff"):
        head = head[1:]
    yield from _cells(chain([head], file), head, strict=True)


def _cells(lines: Iterable[str], head: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=max(",;\t", key=head.count), strict=strict)
    try:
        for cells in reader:
            cells = [cell.strip().strip(" ,;\t") for cell in cells]
            if any(cells):
                yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise _not_utf8(reader.line_num + 1) from error
    except csv.Error as error:
        raise NotReadable(
            _("Line %(line)s cannot be read as CSV: %(error)s.") % {"line": reader.line_num, "error": error}
        ) from error


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise NotReadable(_("The file is not plain text in UTF-8. Save it as “CSV UTF-8” and upload it again."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(content.count(b"\n", 0, error.start) + 1) from error


def _not_utf8(line: int) -> NotReadable:
    return NotReadable(
        _("Line %(line)s is not in UTF-8. Save the file as “CSV UTF-8” and upload it again.") % {"line": line}
    )
