"""Nobody sees or touches what is somebody else's, on any route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from retention.models import Consent, Customer, Prompt
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper
from tests.api.routes import Route, all_routes

Ids = Callable[[Shopper], dict[str, Any]]

MINE: dict[str, Ids] = {
    "me/": lambda owner: {},
    "me/consent/": lambda owner: {},
    "me/consent/<slug:purpose>/": lambda owner: {"purpose": "marketing"},
    "me/export/": lambda owner: {},
    "me/orders/": lambda owner: {},
    "me/orders/<int:pk>/": lambda owner: {"pk": owner.orders[0].pk},
    "me/prompts/": lambda owner: {},
    "me/prompts/<slug:name>/dismiss/": lambda owner: {"name": "prove-address"},
    "me/prompts/<slug:name>/shown/": lambda owner: {"name": "prove-address"},
    "me/proof/": lambda owner: {},
    "me/coupons/": lambda owner: {},
    "me/coupons/<int:pk>/": lambda owner: {"pk": owner.customer.coupons.get().pk},
    "me/challenges/": lambda owner: {},
    "me/challenges/<int:pk>/join/": lambda owner: {"pk": owner.customer.challenges.get().challenge_id},
    "me/gifts/": lambda owner: {},
    "me/giving/": lambda owner: {},
    "me/memberships/": lambda owner: {},
    "me/points/": lambda owner: {},
    "me/points/entries/": lambda owner: {},
    "me/points/leave/": lambda owner: {},
    "me/points/return/": lambda owner: {},
    "me/points/pending/": lambda owner: {},
    "me/points/promise/": lambda owner: {},
    "me/points/terms/": lambda owner: {},
    "me/points/tier/": lambda owner: {},
    "me/referral/": lambda owner: {},
    "me/referrals/": lambda owner: {},
    "me/rewards/": lambda owner: {},
    "me/claims/": lambda owner: {},
    "me/claims/<int:pk>/": lambda owner: {"pk": owner.customer.points_account.claims.first().pk},
    "me/claims/<int:pk>/give-up/": lambda owner: {"pk": owner.customer.points_account.claims.first().pk},
}
"""Each route of a shopper, and what its variables are for a shopper's own thing."""

STAFF: dict[str, Ids] = {
    "customers/": lambda owner: {},
    "customers/<int:pk>/": lambda owner: {"pk": owner.customer.pk},
    "customers/<int:pk>/reviews/": lambda owner: {"pk": owner.customer.pk},
    "customers/search/": lambda owner: {},
    "events/": lambda owner: {},
    "messages/": lambda owner: {},
    "messages/<int:pk>/": lambda owner: {"pk": owner.customer.messages.get().pk},
    "messages/<int:pk>/cancel/": lambda owner: {"pk": owner.customer.messages.get().pk},
    "messages/<int:pk>/resend/": lambda owner: {"pk": owner.customer.messages.get().pk},
    "orders/": lambda owner: {},
    "orders/<int:pk>/": lambda owner: {"pk": owner.orders[0].pk},
    "coupons/": lambda owner: {},
    "coupons/<int:pk>/": lambda owner: {"pk": owner.customer.coupons.get().pk},
    "coupons/<int:pk>/extend/": lambda owner: {"pk": owner.customer.coupons.get().pk},
    "coupons/<int:pk>/reissue/": lambda owner: {"pk": owner.customer.coupons.get().pk},
    "coupons/<int:pk>/void/": lambda owner: {"pk": owner.customer.coupons.get().pk},
    "coupons/check/": lambda owner: {},
    "coupons/commit/": lambda owner: {},
    "coupons/release/": lambda owner: {},
    "coupons/reserve/": lambda owner: {},
    "surveys/": lambda owner: {},
    "surveys/<int:pk>/score/": lambda owner: {"pk": owner.customer.invitations.get().survey_id},
    "answers/": lambda owner: {},
    "answers/<int:pk>/": lambda owner: {"pk": owner.customer.invitations.get().answer.pk},
    "cases/": lambda owner: {},
    "cases/<int:pk>/": lambda owner: {"pk": owner.customer.cases.get().pk},
    "memberships/": lambda owner: {},
    "points/": lambda owner: {},
    "points/entries/": lambda owner: {},
    "points/<int:customer>/": lambda owner: {"customer": owner.customer.pk},
    "points/<int:customer>/correct/": lambda owner: {"customer": owner.customer.pk},
    "referrals/": lambda owner: {},
    "referrals/open/": lambda owner: {},
    "referrals/<int:pk>/decide/": lambda owner: {"pk": owner.customer.referrals.get().pk},
}

BODIES: dict[str, Any] = {
    "me/": {"first_name": "New", "language": "en"},
    "me/consent/<slug:purpose>/": {"granted": True, "text": "Mail, please"},
    "me/claims/": {"reward": things.REWARD},
    "me/points/promise/": {"currency": "EUR", "lines": [{"product": "p", "amount": "9.00"}]},
}


def test_every_route_is_in_the_matrix() -> None:
    routes = all_routes()
    assert {route.path for route in routes if route.is_mine} == set(MINE)
    assert {route.path for route in routes if route.is_staff} == set(STAFF)
    assert [route.path for route in routes if not (route.is_mine or route.is_staff)] == []


def _send(client: APIClient, route: Route, method: str, values: dict[str, Any]) -> Any:
    body = BODIES.get(route.path, {}) if method != "get" else None
    return getattr(client, method)(route.url(**values), body, format=None if method == "get" else "json")


@pytest.mark.parametrize("path", MINE)
def test_a_shopper_gets_only_their_own(path: str, ada: Shopper, ben: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    for method in route.methods:
        answer = _send(ada.client, route, method, MINE[path](ada))
        assert answer.status_code in (200, 201, 202, 204), (method, answer.content)
        assert ben.mark not in answer.content.decode()
        assert str(ben.customer.pk) not in _ids(answer)


@pytest.mark.parametrize("path", [path for path in MINE if "pk" in path])
def test_somebody_elses_thing_does_not_exist(path: str, ada: Shopper, ben: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    for method in route.methods:
        answer = _send(ada.client, route, method, MINE[path](ben))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.content == _send(ada.client, route, method, {"pk": 2**40}).content


def test_what_a_shopper_writes_is_written_on_their_own_row(ada: Shopper, ben: Shopper) -> None:
    before = _state(ben.customer)
    for path, values in MINE.items():
        [route] = [route for route in all_routes() if route.path == path]
        for method in set(route.methods) - {"get"}:
            _send(ada.client, route, method, values(ada))
    assert _state(ben.customer) == before
    assert _state(ada.customer) != before


def test_a_guests_orders_with_the_same_address_are_not_the_members(ada: Shopper) -> None:
    guest = Customer.objects.create(
        kind=Customer.Kind.GUEST, email=ada.user.email, address=ada.user.email, created_at=NOON
    )
    stranger = people.Shopper(name="guest", user=None, customer=guest, client=people.client())
    theirs = people.order(stranger, 1)
    listed = ada.client.get(f"{V1}me/orders/")
    assert [row["id"] for row in listed.json()["results"]] == [ada.orders[1].pk, ada.orders[0].pk]
    assert ada.client.get(f"{V1}me/orders/{theirs.pk}/").status_code == 404


def test_filters_cannot_reach_beyond_ones_own(ada: Shopper, ben: Shopper) -> None:
    for query in (f"customer={ben.customer.pk}", f"number={ben.orders[0].number}", "page_size=200"):
        answer = ada.client.get(f"{V1}me/orders/?{query}")
        assert ben.mark not in answer.content.decode()


@pytest.mark.parametrize("path", MINE | STAFF)
def test_who_is_not_signed_in_gets_nothing(path: str, nobody: APIClient, ada: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    for method in route.methods:
        answer = _send(nobody, route, method, (MINE | STAFF)[path](ada))
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Token"
        assert ada.mark not in answer.content.decode()


@pytest.mark.parametrize("path", STAFF)
def test_a_shopper_is_no_staff(path: str, ada: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    for method in route.methods:
        answer = _send(ada.client, route, method, STAFF[path](ada))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert ada.mark not in answer.content.decode()


@pytest.mark.parametrize("path", STAFF)
def test_staff_without_the_permission_get_nothing(path: str, ada: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    clerk = people.staff("clerk")
    for method in route.methods:
        answer = _send(clerk, route, method, STAFF[path](ada))
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", STAFF)
def test_who_has_the_permission_but_is_no_staff_gets_nothing(path: str, ada: Shopper) -> None:
    ada.user.is_superuser = True
    ada.user.save()
    [route] = [route for route in all_routes() if route.path == path]
    for method in route.methods:
        assert _send(ada.client, route, method, STAFF[path](ada)).status_code == 403


def _ids(answer: Any) -> list[str]:
    rows = answer.json() if answer.content else []
    rows = rows.get("results", [rows]) if isinstance(rows, dict) else rows
    return [str(row[key]) for row in rows for key in ("customer", "user") if key in row]


def _state(customer: Customer) -> list[Any]:
    return [
        Customer.objects.filter(pk=customer.pk).values_list("first_name", "language", "address_proven_at").get(),
        sorted(Consent.objects.filter(customer=customer).values_list("purpose", "granted", "basis")),
        customer.consent_evidence.count(),
        customer.messages.count(),
        Prompt.objects.filter(order__startswith=f"customer:{customer.pk}:").count(),
    ]
