"""A file that staff upload: it is read, or one sentence says why it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention.csv_rows import NotReadable

Reading = TypeVar("Reading")


def csv_field(help_text: Any) -> forms.FileField:
    """Return the field of a CSV file. ``help_text`` names its columns."""
    chooser = forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"})
    return forms.FileField(label=gettext_lazy("CSV file"), help_text=help_text, widget=chooser)


def read(file: UploadedFile, reader: Callable[[bytes], Reading], *, most_bytes: int) -> Reading:
    """Return what ``reader`` makes of a file. Raises ValidationError where it is too large or ``reader`` says
    NotReadable."""
    if (file.size or 0) > most_bytes:
        raise ValidationError(
            _("The file is larger than %(most)s: split it, and upload one part after the other.")
            % {"most": filesizeformat(most_bytes)}
        )
    try:
        return reader(file.read())
    except NotReadable as error:
        raise ValidationError(str(error)) from error


def no_good_line(notes: Sequence[tuple[int, str]]) -> ValidationError:
    """Return the sentence about a file of which nothing can be taken in. ``notes``: lines and what is wrong there."""
    why = _("Line %(line)s: %(words)s.") % dict(zip(("line", "words"), notes[0], strict=True)) if notes else ""
    return ValidationError(_("The file has no line that could be taken in. %(why)s") % {"why": why})
