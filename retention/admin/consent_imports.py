"""Taking in what people had said to another mail service."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import consent_file, consent_words
from retention.admin import uploads
from retention.admin.import_pages import NOTES, ImportAdmin, being_taken_in
from retention.models import ConsentImport
from retention.services import consent_imports

MOST_BYTES = 60 * 1024 * 1024


class UploadForm(forms.Form):
    file = uploads.csv_field(
        gettext_lazy(
            "With the columns “address” and “kind” (consent, unsubscribe, bounce, complaint or suppression), and as "
            "far as you know it “purpose” (marketing or survey), “at”, “source”, “text” and “basis”; with commas or "
            "semicolons, in UTF-8."
        )
    )

    def clean_file(self) -> consent_file.Reading:
        reader = partial(consent_file.read, at=timezone.now())
        reading = uploads.read(self.cleaned_data["file"], reader, most_bytes=MOST_BYTES)
        if not reading.said:
            raise uploads.no_good_line([(note.line, note.words) for note in reading.notes])
        return reading


@admin.register(ConsentImport)
class ConsentImportAdmin(ImportAdmin):
    permission = "retention.add_consentimport"
    form_class = UploadForm
    heading = gettext_lazy("Take in what people had said elsewhere")
    upload_template = "retention/admin/consents_upload.html"
    file_template = "retention/admin/consents.html"
    steps = ("start", "discard", "retry")

    def keep(self, request: HttpRequest, form: forms.Form) -> ConsentImport:
        reading, now = form.cleaned_data["file"], timezone.now()
        found: dict[str, Any] = consent_imports.look(reading, at=now)
        found["notes"] = [[note.line, note.words] for note in reading.notes[:NOTES]]
        return consent_imports.keep(reading, found, by=request.user.get_username(), at=now)

    def describe(self, request: HttpRequest, whole: ConsentImport, found: dict[str, int]) -> dict[str, Any]:
        return {
            "sentences": list(consent_words.found(found)),
            "settles": consent_imports.says_who_left(whole),
            "waits": whole.parts.exists(),
        }

    def start(self, request: HttpRequest, whole: ConsentImport) -> HttpResponse:
        """Say yes to a file."""
        if consent_imports.start(whole, at=timezone.now()):
            being_taken_in(request)
        else:
            messages.error(request, _("That was more than an hour ago: please choose the file again."))
        return self.to_page(whole.pk)

    def discard(self, request: HttpRequest, whole: ConsentImport) -> HttpResponse:
        """Throw away what is left of a file."""
        if consent_imports.throw_away(whole, at=timezone.now()):
            messages.success(request, _("The file is thrown away. What was taken in of it stays."))
        return self.to_list()

    def retry(self, request: HttpRequest, whole: ConsentImport) -> HttpResponse:
        """Go on with a file that stopped."""
        if whole.job and consent_imports.retry(whole.job, at=timezone.now()):
            messages.success(request, _("It goes on where it stopped."))
        return self.to_page(whole.pk)
