"""Filters of lists, strict about what a database can compare."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError

from retention.api.paging import LARGEST_ID, YEARS

__all__ = ["Choice", "FilterSet", "Filters", "Id", "Moment", "Text", "Yes"]


PAGING = ("cursor", "page_size")


class Filters(DjangoFilterBackend):
    """The filters of a view's ``filterset_class``. A name that is none of them is refused: ignoring it would
    answer with everything what was asked of something."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        filterset = getattr(view, "filterset_class", None)
        known = {*PAGING, *(filterset.base_filters if filterset else ())}
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            message = ErrorDetail(str(_("There is no such filter.")), code="unknown")
            raise ValidationError({name: [message] for name in unknown})
        return super().filter_queryset(request, queryset, view)


class _MomentField(forms.DateTimeField):
    default_error_messages = {"years": _("A year that can be compared.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        if moment is not None and moment.year not in YEARS:
            raise forms.ValidationError(self.error_messages["years"], code="years")
        return moment


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(django_filters.Filter):
    """A time in ISO 8601; without an offset it is in the shop's zone."""

    field_class = _MomentField


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 0, "maximum": LARGEST_ID})
class Id(django_filters.Filter):
    """A whole number that fits into a database."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, max_value=LARGEST_ID, **kwargs)


@extend_schema_field({"type": "string", "maxLength": 200})
class Text(django_filters.Filter):
    """Exactly this text."""

    field_class = forms.CharField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=200, **kwargs)


@extend_schema_field(OpenApiTypes.BOOL)
class Yes(django_filters.Filter):
    """``true`` or ``false``."""

    field_class = forms.TypedChoiceField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(*args, choices=choices, coerce=lambda word: word == "true", empty_value=None, **kwargs)


class Choice(django_filters.ChoiceFilter):
    """One of a few words."""
