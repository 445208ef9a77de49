"""Names for the two boxes of a point in time: stock admin writes words beside them that name neither."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext as _


def name(form: forms.BaseForm, *fields: str) -> None:
    """Let the boxes for day and time of these fields have names of their own, for who does not see the page."""
    for field in fields:
        if field in form.fields:
            boxes = getattr(form.fields[field].widget, "widgets", ())
            for box, words in zip(boxes, (_("%(field)s: date"), _("%(field)s: time")), strict=False):
                box.attrs["aria-label"] = words % {"field": form.fields[field].label}
