"""Settings of one app, read late from one dict in the Django settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, get_type_hints

from django.conf import settings as django_settings


class Section:
    """Base of a typed settings class.

    A subclass names its dict (``class Retention(Section, name="RETENTION")``) and declares
    each key as an annotated attribute with its default. Reading an attribute looks the key up
    in the Django settings at that moment, so ``override_settings`` works.
    """

    section: ClassVar[str]

    def __init_subclass__(cls, *, name: str) -> None:
        cls.section = name

    def __getattribute__(self, key: str) -> Any:
        if key.isupper():
            given: Mapping[str, Any] = getattr(django_settings, type(self).section, {})
            if key in given:
                return given[key]
        return super().__getattribute__(key)

    def keys(self) -> dict[str, Any]:
        """Return each declared key with its type."""
        return {key: kind for key, kind in get_type_hints(type(self)).items() if key.isupper()}

    def mistakes(self) -> list[str]:
        """Return a sentence for each unknown key in the merchant's dict, with the nearest known one."""
        known = self.keys()
        found = []
        for key in getattr(django_settings, self.section, {}):
            if key not in known:
                near = difflib.get_close_matches(str(key).upper(), known, n=1)
                found.append(f"{self.section} has no key {key!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return found
