"""What somebody does at the page where mail is chosen: open it, fill it in, take it back."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from retention import links
from retention.models import Customer, Topic, TopicWords

HOST = "https://shop.example.com"


def path(customer: Customer) -> str:
    url = links.preferences_url(links.unsubscribe_url(customer=customer.pk, purpose="marketing"))
    return url.removeprefix(HOST)


def strict() -> Client:
    """Somebody with a mail and nothing else: no cookie, and the shop checks tokens."""
    return Client(enforce_csrf_checks=True)


def boxes(page: Any) -> dict[str, list[str]]:
    """Return what a browser would send of the page as it stands, but for the buttons."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode()):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        chosen = attributes["type"] not in ("checkbox", "radio") or " checked" in tag
        if chosen and attributes["name"] not in ("undo", "csrfmiddlewaretoken"):
            other = "on" if attributes["type"] == "checkbox" else ""
            found.setdefault(attributes["name"], []).append(unescape(attributes.get("value", other)))
    return found


def post(customer: Customer, do: str = "save", **fields: Any) -> Any:
    """Fill the page in and press a button. A field of None is not ticked."""
    client = strict()
    sent = boxes(client.get(path(customer))) | {"do": [do]}
    sent |= {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    return client.post(path(customer), {name: value for name, value in sent.items() if value != [None]})


def undo_of(page: Any) -> str:
    """Return the signed undo that the page offers; empty where it offers none."""
    found = re.search(r'name="undo" value="([^"]*)"', page.content.decode())
    return unescape(found[1]) if found else ""


def undo(customer: Customer, page: Any) -> Any:
    return strict().post(path(customer), {"undo": undo_of(page), "do": "undo"})


def topic(slug: str, *, position: int = 0, active: bool = True, **words: str) -> Topic:
    """Make a topic with its name by language, e.g. ``en="News"``."""
    made = Topic.objects.create(slug=slug, position=position, active=active)
    for language, name in words.items():
        TopicWords.objects.create(topic=made, language=language.replace("_", "-"), name=name)
    return made
