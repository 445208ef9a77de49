"""Forms of a journey: what exists to choose from, and what must fit together."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from campaigns.models import Journey, Step
from campaigns.services import exits, invitations, triggers
from retention import registry
from retention.services.topics import offered

EMPTY = ("", "---------")


class JourneyForm(forms.ModelForm):
    class Meta:
        model = Journey
        fields = ("name", "slug", "state", "trigger", "once", "exits", "topic")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trigger"] = forms.ChoiceField(
            label=_("Starts when"),
            choices=[EMPTY, *((one.fact.kind, one.label) for one in triggers.triggers)],
            disabled=self.fields["trigger"].disabled,
        )
        self.fields["exits"] = forms.MultipleChoiceField(
            label=_("Ends for who"),
            choices=[(rule.name, rule.label) for rule in exits.rules],
            widget=forms.CheckboxSelectMultiple,
            required=False,
            help_text=_("Asked before each step and before each mail, by e-mail address."),
        )
        self.fields["topic"] = forms.ChoiceField(
            label=_("Topic of its marketing mail"),
            choices=[("", _("none: for everybody who may get marketing mail")), *topics(self.instance.topic)],
            required=False,
            help_text=_("Who has left the topic out gets none of it, and no coupon either."),
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        trigger = triggers.triggers.get(data.get("trigger", ""))
        if trigger is not None and not trigger.about_order and data.get("once") == Journey.Once.ORDER:
            self.add_error("once", _("There is no order where this starts: choose “once per person”."))
        return data


def topics(chosen: str) -> list[tuple[str, str]]:
    """Return the topics that are offered to shoppers, and the one that is chosen already."""
    known = [(topic.slug, topic.name) for topic in offered(get_language() or "")]
    return known if not chosen or chosen in dict(known) else [*known, (chosen, _("%s (not offered)") % chosen)]


def mails() -> list[tuple[str, Any]]:
    """Return the mails that a journey can send: not the ground's, which need links of their own, nor a survey's."""
    return [
        (mail.name, mail.label)
        for mail in registry.mails
        if not mail.name.startswith("retention.") and mail.name not in invitations.MAILS
    ]


class StepForm(forms.ModelForm):
    class Meta:
        model = Step
        fields = ("position", "kind", "days", "hours", "mail", "offer", "survey", "action", "parameters")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mail"] = forms.ChoiceField(label=_("E-mail"), choices=[EMPTY, *mails()], required=False)
        self.fields["action"] = forms.ChoiceField(
            label=_("Action"), choices=[EMPTY, *((one.name, one.label) for one in registry.actions)], required=False
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        kind = data.get("kind")
        needed = {"mail": "mail", "coupon": "offer", "survey": "survey", "action": "action"}.get(str(kind), "")
        if needed and not data.get(needed):
            self.add_error(needed, _("This step needs it."))
        if kind == Step.Kind.WAIT and not (data.get("days") or data.get("hours")):
            self.add_error("days", _("How long?"))
        if kind == Step.Kind.ACTION and (action := registry.actions.get(data.get("action", ""))):
            given = data.get("parameters") or {}
            if not isinstance(given, dict) or given.keys() - action.fields.keys():
                wanted = ", ".join(f'"{key}" ({label})' for key, label in action.fields.items()) or "{}"
                self.add_error("parameters", _("This action takes: %(keys)s.") % {"keys": wanted})
            elif action.mistake and (mistake := action.mistake(given)):
                self.add_error("parameters", mistake)
        return data


class StepFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        """Refuse a mail that shows a coupon before a step gives one."""
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        kept = sorted((row for row in rows if row.get("kind") and not row.get("DELETE")), key=_position)
        given = False
        for row in kept:
            given = given or row["kind"] == Step.Kind.COUPON
            mail = registry.mails.get(row.get("mail", "")) if row["kind"] == Step.Kind.MAIL else None
            if mail is not None and "code" in mail.values and not given:
                raise ValidationError(
                    _("The e-mail “%(mail)s” shows a coupon: put a step that gives one before it.")
                    % {"mail": mail.label}
                )
        if not kept and self.instance.state != Journey.State.OFF:
            raise ValidationError(_("A journey that is not off needs a step."))


def _position(row: dict[str, Any]) -> int:
    return row.get("position") or 0
