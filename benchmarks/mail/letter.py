"""The mail that all of them send: a shop's usual one, with a heading, three paragraphs, a code and a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from retention.mail import Button, Code, Heading, Mail, Para, register
from retention.models import Message

NAME = "bench.news"


def values(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
    return {
        one.pk: {"code": f"SPRING-{one.pk:08d}", "url": f"https://shop.example.com/c/{one.pk:x}"} for one in messages
    }


LETTER = Mail(
    name=NAME,
    label="Benchmark",
    purpose="marketing",
    subject="{{ first_name }}, something new for your table",
    preheader="Ten percent off until Sunday, in all colors.",
    body=[
        Heading(words="Hello {{ first_name }}"),
        Para(words="The spring bowls have come out of the kiln. There are forty of each, and no two are alike."),
        Para(words="With this code you get ten percent off whatever you choose."),
        Code(value="code"),
        Para(words="It is good until Sunday, from 20.00 EUR on, once, and together with points."),
        Button(words="Look at the bowls", link="url"),
    ],
    values={"code": "the code", "url": "where to"},
    build=values,
)


def load() -> None:
    register(LETTER)
