"""Staff read what a journey will do before it is saved, and see who is in it."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from campaigns.models import Enrolment, Journey, JourneyVersion, Offer, Survey
from campaigns.services import enrolments, journeys
from retention import registry
from retention.models import Customer
from retention.testing.settling import settle
from tests.campaigns.walks import Walk

Switch = Callable[..., Journey]


def form_of(journey: Journey, **changes: Any) -> dict[str, Any]:
    """Return what the change page posts, as it stands, with changes."""
    steps = list(journey.steps.order_by("position", "pk"))
    conditions = list(journey.conditions.order_by("pk"))
    form: dict[str, Any] = {
        "name": journey.name, "state": journey.state, "trigger": journey.trigger, "once": journey.once,
        "exits": journey.exits,
        "steps-TOTAL_FORMS": len(steps), "steps-INITIAL_FORMS": len(steps),
        "conditions-TOTAL_FORMS": len(conditions), "conditions-INITIAL_FORMS": len(conditions),
        "versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0,
    }  # fmt: skip
    for number, step in enumerate(steps):
        form |= {
            f"steps-{number}-id": step.pk, f"steps-{number}-journey": journey.pk,
            f"steps-{number}-position": step.position, f"steps-{number}-kind": step.kind,
            f"steps-{number}-days": step.days, f"steps-{number}-hours": step.hours,
            f"steps-{number}-mail": step.mail, f"steps-{number}-offer": step.offer_id or "",
            f"steps-{number}-survey": step.survey_id or "", f"steps-{number}-action": step.action,
            f"steps-{number}-parameters": "{}",
        }  # fmt: skip
    for number, condition in enumerate(conditions):
        form |= {
            f"conditions-{number}-id": condition.pk, f"conditions-{number}-journey": journey.pk,
            f"conditions-{number}-condition": condition.name,
        }  # fmt: skip
    return form | changes


def add_step(form: dict[str, Any], **step: Any) -> dict[str, Any]:
    number = form["steps-TOTAL_FORMS"]
    fields = {
        "id": "", "journey": "", "position": 1, "kind": "", "days": 0, "hours": 0, "mail": "", "offer": "",
        "survey": "", "action": "", "parameters": "{}", **step,
    }  # fmt: skip
    return form | {"steps-TOTAL_FORMS": number + 1} | {f"steps-{number}-{k}": v for k, v in fields.items()}


def change_url(journey: Journey) -> str:
    return reverse("admin:retention_campaigns_journey_change", args=[journey.pk])


def text(response: Any) -> str:
    return unescape(response.content.decode())


@pytest.fixture
def journey(walk: Walk, time_machine: Any) -> Journey:
    time_machine.move_to(walk.clock.now, tick=False)
    return Journey.objects.get(slug="next-order")


def test_what_it_will_do_is_read_before_it_is_saved(walk: Walk, journey: Journey, admin_client: Client) -> None:
    walk.order()
    walk.order(email="bea@example.com", opted_out=True)
    settle(at=walk.clock.now)
    form = add_step(form_of(journey, state="on"), kind="wait", days=1, hours=2, position=0)
    page = admin_client.post(change_url(journey), form)
    assert page.status_code == 200
    said = text(page)
    for sentence in (
        "Starts when an order is placed, once for each order.",
        "1. Wait 1 day and 2 hours.",
        "2. Give a coupon of “Thank you”: 10% off.",
        "3. Send the e-mail “Thank you, with a coupon for the next order”.",
        "Ends for who orders again; asked before each step and before each mail.",
        "Who may not get marketing mail gets nothing of it, no coupon either.",
        "Who enters from now on goes through this, as version 2.",
        "It is on: real customers get this.",
        "it would have started for 2 customers; 1 of them fit and may be written to today.",
        "Nothing has been saved yet.",
    ):
        assert sentence in said, sentence
    journey.refresh_from_db()
    assert (journey.state, journey.steps.count(), JourneyVersion.objects.filter(journey=journey).count()) == (
        "off",
        2,
        1,
    )


def test_confirmed_it_is_saved_as_a_new_version_and_switched_on(
    walk: Walk, journey: Journey, admin_client: Client
) -> None:
    form = add_step(form_of(journey, state="on"), kind="wait", days=1, position=0)
    asked = admin_client.post(change_url(journey), form)
    posted = [(name, value) for name, value in asked.context["posted"]]
    again: dict[str, list[str]] = {"_confirmed": ["1"]}
    for name, value in posted:
        again.setdefault(name, []).append(value)
    assert admin_client.post(change_url(journey), again).status_code == 302
    journey.refresh_from_db()
    assert (journey.state, journey.since) == ("on", walk.clock.now)
    version = journeys.latest(journey)
    assert version is not None
    assert version.number == 2
    assert version.exits == ["ordered", "returned"]
    assert [step["kind"] for step in version.steps] == ["wait", "coupon", "mail"]
    assert version.steps[0] == {"kind": "wait", "hours": 24}


def test_a_journey_made_in_admin_works(walk: Walk, admin_client: Client, time_machine: Any) -> None:
    time_machine.move_to(walk.clock.now, tick=False)
    url = reverse("admin:retention_campaigns_journey_add")
    assert admin_client.get(url).status_code == 200
    form = {
        "name": "Thanks", "slug": "thanks", "state": "on", "trigger": "retention.OrderPlaced", "once": "order",
        "exits": ["returned"], "_confirmed": "1", "steps-TOTAL_FORMS": 0, "steps-INITIAL_FORMS": 0,
        "conditions-TOTAL_FORMS": 0, "conditions-INITIAL_FORMS": 0,
        "versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0,
    }  # fmt: skip
    form = add_step(form, kind="coupon", offer=Offer.objects.get(slug="next-order").pk, position=1)
    form = add_step(form, kind="mail", mail="campaigns.next_order", position=2)
    assert admin_client.post(url, form).status_code == 302
    walk.order()
    walk.tick()
    assert Enrolment.objects.get().version.journey.slug == "thanks"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ({"kind": "mail", "mail": "campaigns.welcome", "position": 0}, "put a step that gives one before it"),
        ({"kind": "mail"}, "This step needs it."),
        ({"kind": "coupon"}, "This step needs it."),
        ({"kind": "wait"}, "How long?"),
        ({"kind": "action", "action": "campaigns.coupon", "parameters": '{"who": 1}'}, "This action takes"),
        ({"kind": "mail", "mail": "retention.sign_in"}, "Select a valid choice"),
    ],
)
def test_steps_that_do_not_fit_are_refused_beside_their_field(
    journey: Journey, admin_client: Client, step: dict[str, Any], error: str
) -> None:
    page = admin_client.post(change_url(journey), add_step(form_of(journey), _confirmed="1", **step))
    assert page.status_code == 200
    assert error in text(page)
    assert journey.steps.count() == 2


def test_once_per_order_needs_an_order(walk: Walk, admin_client: Client) -> None:
    journey = Journey.objects.get(slug="welcome")
    page = admin_client.post(change_url(journey), form_of(journey, once="order"))
    assert "There is no order where this starts" in text(page)


def test_who_may_not_start_journeys_edits_them_but_does_not_switch_them(
    journey: Journey, client: Client, django_user_model: Any
) -> None:
    staff = django_user_model.objects.create(username="staff", is_staff=True)
    staff.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="retention_campaigns",
            codename__in=[
                f"{verb}_{model}"
                for verb in ("view", "change", "add")
                for model in ("journey", "step", "journeycondition", "journeyversion")
            ],
        )
    )
    client.force_login(staff)
    form = form_of(journey, state="on", name="Renamed", _confirmed="1")
    assert client.post(change_url(journey), form).status_code == 302
    journey.refresh_from_db()
    assert (journey.name, journey.state) == ("Renamed", "off")


def test_the_lists_say_who_is_in_it(walk: Walk, switch: Switch, admin_client: Client) -> None:
    switch("next-order")
    walk.order()
    walk.order(email="bea@example.com", opted_out=True)
    walk.tick()
    journey = Journey.objects.get(slug="next-order")
    listing = reverse("admin:retention_campaigns_enrolment_changelist")
    for page in (
        admin_client.get(reverse("admin:retention_campaigns_journey_changelist")),
        admin_client.get(change_url(journey)),
    ):
        for state in ("active", "finished", "exited", "dry"):
            assert f"{listing}?version__journey__id__exact={journey.pk}&state__exact={state}" in text(page)
    page = admin_client.get(listing, {"version__journey__id__exact": journey.pk, "state__exact": "exited"})
    bea = Customer.objects.get(address="bea@example.com")
    assert reverse("admin:retention_customer_change", args=[bea.pk]) in text(page)
    assert "no consent" in text(page)
    row = Enrolment.objects.first()
    assert row is not None
    assert admin_client.get(reverse("admin:retention_campaigns_enrolment_change", args=[row.pk])).status_code == 200


def test_staff_take_somebody_out_and_the_mail_on_its_way_with_them(
    walk: Walk, switch: Switch, admin_client: Client, admin_user: Any
) -> None:
    journey = switch("next-order")
    journey.steps.create(position=3, kind="wait", days=1)
    journey.steps.create(position=4, kind="mail", mail="campaigns.next_order")
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    settle(at=walk.clock.now)
    enrolments.advance(at=walk.clock.now)
    row = Enrolment.objects.get()
    url = reverse("admin:retention_campaigns_enrolment_changelist")
    admin_client.post(url, {"action": "take_out", "_selected_action": [row.pk]})
    walk.tick(days=2)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("exited", f"taken out by staff {admin_user.pk}")
    assert mail.outbox == []


def test_a_stuck_passage_is_a_trouble_whose_link_leads_to_it(walk: Walk, switch: Switch, admin_client: Client) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    Enrolment.objects.update(state="stuck", error="ValueError: no", tries=8)
    [trouble] = registry.troubles["campaigns.journeys"](walk.clock.now)
    assert str(trouble.what) == "1 passage through a journey is stuck"
    assert Enrolment.objects.get().key.split(":")[0] in text(admin_client.get(trouble.url))
    admin_client.post(
        reverse("admin:retention_campaigns_enrolment_changelist"),
        {"action": "try_again", "_selected_action": [Enrolment.objects.get().pk]},
    )
    assert next(iter(registry.troubles["campaigns.journeys"](walk.clock.now))).count == 1
    assert Enrolment.objects.get().state == "active"


def test_late_steps_are_a_trouble(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    assert list(registry.troubles["campaigns.journeys"](walk.clock.now)) == []
    [trouble] = registry.troubles["campaigns.journeys"](walk.clock.forward(hours=2))
    assert str(trouble.what) == "1 step of a journey is late"


def test_the_customers_page_shows_journeys_answers_and_what_is_planned(
    walk: Walk, switch: Switch, admin_client: Client
) -> None:
    switch("satisfaction")
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=2)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    page = admin_client.get(reverse("admin:retention_customer_change", args=[Customer.objects.get().pk]))
    assert page.status_code == 200
    said = text(page)
    for words in (
        "Next order, version 2",
        "Next order: Give a coupon of “Thank you”: 10% off.",
        "Survey “Satisfaction”",
        "Recovery cases",
        "journey:next-order",
    ):
        assert words in said, words


def test_a_survey_says_what_it_does_before_it_is_saved(walk: Walk, admin_client: Client) -> None:
    survey = Survey.objects.get()
    url = reverse("admin:retention_campaigns_survey_change", args=[survey.pk])
    form = {
        "name": "Satisfaction", "question": "", "low_words": "", "high_words": "", "low_score": 3,
        "after_delivered": 2, "after_fulfilled": 7, "after_placed": 14, "remind_after": 4, "open_days": 30,
        "edit_days": 7,
    }  # fmt: skip
    said = text(admin_client.post(url, form))
    assert "Ask “Satisfaction” 2 days after delivery" in said
    assert "Remind once, 4 days later." in said
    assert "A score of 3 or less opens a recovery case, due within 24 hours." in said
    survey.refresh_from_db()
    assert (survey.low_score, survey.after_delivered) == (2, 3)
    assert admin_client.post(url, {**form, "_confirmed": "1"}).status_code == 302
    survey.refresh_from_db()
    assert (survey.low_score, survey.after_delivered) == (3, 2)
    assert "From 1 to below 5." in text(admin_client.post(url, {**form, "low_score": 5}))
    assert "less than or equal to 7" in text(admin_client.post(url, {**form, "remind_after": 9}))
    assert "open for longer than until the reminder" in text(admin_client.post(url, {**form, "open_days": 4}))
