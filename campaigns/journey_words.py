"""What a journey does, in words, for staff; from a version, so that they are true before it is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns import wording
from campaigns.models import Journey, JourneyVersion, Offer, Survey
from campaigns.services import exits, offers, triggers
from retention import registry
from retention.conf import conf
from retention.services import topics


def sentences(version: JourneyVersion) -> Iterator[str]:
    """Yield the sentences that say who enters, what happens to them step by step, and when they leave."""
    trigger = triggers.triggers.get(version.trigger)
    starts = str(trigger.label) if trigger else _("nothing any more: there is no trigger named %s") % version.trigger
    yield (
        _("Starts when %(starts)s, once for each order.") % {"starts": starts}
        if version.once == Journey.Once.ORDER
        else _("Starts when %(starts)s, once for each person.") % {"starts": starts}
    )
    for asked in version.conditions:
        yield _("Only who: %(condition)s.") % {"condition": _condition(asked)}
    for number, step in enumerate(version.steps, start=1):
        yield f"{number}. {sentence(step)}"
    if not version.steps:
        yield _("It has no steps, so nothing happens.")
    for name in version.exits:
        rule = exits.rules.get(name)
        yield (
            _("Ends for who %(rule)s; asked before each step and before each mail.") % {"rule": rule.label}
            if rule
            else _("Stops for everybody: there is no exit rule named %s any more.") % name
        )
    if version.topic and "marketing" in exits.purposes(version.steps):
        topic = topics.one(version.topic, get_language() or "")
        yield (
            _("Not for who has left out the topic “%(topic)s”; it is asked once more before each mail.")
            % {"topic": topic.name}
            if topic
            else _("Its topic, %s, is not offered any more: it is as without one.") % version.topic
        )
    if "marketing" in exits.purposes(version.steps):
        yield _("Who may not get marketing mail gets nothing of it, no coupon either.")


def sentence(step: Mapping[str, Any]) -> str:
    """Return what one step does."""
    match step["kind"]:
        case "wait":
            return _("Wait %(time)s.") % {"time": _time(step["hours"])}
        case "mail":
            mail = registry.mails.get(step["mail"])
            return _("Send the e-mail “%(mail)s”.") % {"mail": mail.label if mail else step["mail"]}
        case "coupon":
            offer = Offer.objects.filter(pk=step["offer"]).first()
            if offer is None:
                return _("Give a coupon of an offer that is gone.")
            terms = offers.terms_of(offer)
            gives = wording.gives(terms, terms.money[0] if terms.money else None)
            return _("Give a coupon of “%(offer)s”: %(gives)s.") % {"offer": offer.name, "gives": gives}
        case "survey":
            survey = Survey.objects.filter(pk=step["survey"]).first()
            return asks(survey) if survey else _("Ask a question that is gone.")
    action = registry.actions.get(step["action"])
    said = ", ".join(
        f"{label}: {step['parameters'].get(key, '?')}" for key, label in (action.fields if action else {}).items()
    )
    label = str(action.label) if action else step["action"]
    return _("Do this: %(action)s.") % {"action": f"{label} ({said})" if said else label}


def asks(survey: Survey) -> str:
    """Return when a survey asks and reminds."""
    return _(
        "Ask “%(survey)s” %(delivered)s days after delivery; where that is not known, %(fulfilled)s days after "
        "sending; where that is not known either, %(placed)s days after the order. Remind once, %(remind)s days later. "
        "Nobody is asked who gave the order back."
    ) % {
        "survey": survey.name,
        "delivered": survey.after_delivered,
        "fulfilled": survey.after_fulfilled,
        "placed": survey.after_placed,
        "remind": survey.remind_after,
    }


def _condition(asked: Mapping[str, Any]) -> str:
    condition = registry.conditions.get(asked["name"])
    if condition is None:
        return _("nobody, since there is no condition named %s any more") % asked["name"]
    return condition.words(asked["parameters"])


def _time(hours: int) -> str:
    days, rest = divmod(hours, 24)
    parts = []
    if days:
        parts.append(ngettext("%d day", "%d days", days) % days)
    if rest:
        parts.append(ngettext("%d hour", "%d hours", rest) % rest)
    words = _(" and ").join(parts)
    if conf.SPEED != 1:
        words += _(" (divided by %g here)") % conf.SPEED
    return words
