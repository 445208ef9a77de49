"""What people do with the mail they get: its links are opened as they stand in it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from campaigns.services import answers
from example.demo.models import RecordedMessage
from example.demo.seed.history.cast import Account, Person
from example.demo.seed.history.diary import Diary
from retention.models import Customer, Token
from retention.models.consent import Purpose
from retention.services import accounts, consent, signup

CONFIRM = re.compile(r"/retention/confirm/([^/\s]+)/")
ENTER = re.compile(r"/retention/enter/([^/\s]+)/")
RATE = re.compile(r"/retention/s/([^/\s]+)/\d+/")
COMMENTS = {
    1: ("The cup came in three pieces.", "It took more than two weeks, and nobody answered my mail."),
    2: ("The color is not the one in the picture.", "One of the notebooks was bent."),
    3: ("All right, but a lot of packaging.",),
    4: ("Nice things. Shipping could be faster.", "I like it. The lid sits a little loose."),
    5: (
        "Lovely. It is on the table every day.",
        "Quick, well packed, exactly as described.",
        "My third, for a friend.",
    ),
}


@dataclass
class Letterbox:
    """Reads what has arrived since the last look."""

    diary: Diary
    random: Random
    people: dict[str, Person]
    read: int = 0

    def sign_up(self, person: Person, *, before: datetime) -> None:
        """Let somebody ask for the shop's mail some days before a time."""
        self.diary.note(
            before - timedelta(days=self.random.uniform(5, 16)),
            lambda at: signup.ask(
                email=person.email, source="footer", language=person.language, origin=person.email, at=at
            ),
        )

    def look(self, at: datetime) -> None:
        """Let people react to what has come."""
        for mail in RecordedMessage.objects.filter(pk__gt=self.read).order_by("pk"):
            self.read = mail.pk
            person = self.people[mail.to]
            self._react(mail, person, at)

    def _react(self, mail: RecordedMessage, person: Person, at: datetime) -> None:
        chance = self.random.random()
        if found := CONFIRM.search(mail.text):
            self._soon(at, chance < 0.85, 90, partial(self._confirm, found[1]))
        elif found := ENTER.search(mail.text):
            self._soon(at, person.account is Account.PROVEN, 600, partial(self._prove, found[1], person))
        elif found := RATE.search(mail.text):
            self._soon(at, chance < 0.45, 4000, partial(self._rate, found[1], person))
        elif "List-Unsubscribe" in mail.headers:
            self._soon(at, chance < 0.015, 900, partial(self._leave, person))

    def _soon(self, at: datetime, does: bool, minutes: float, act: Callable[[datetime], None]) -> None:
        if does:
            self.diary.note(at + timedelta(minutes=self.random.uniform(2, minutes)), act)

    def _confirm(self, secret: str, at: datetime) -> None:
        signup.confirm(secret=secret, origin="", at=at)

    def _prove(self, secret: str, person: Person, at: datetime) -> None:
        request = HttpRequest()
        request.user = get_user_model().objects.get(email=person.email)  # still signed in from the thank-you page
        accounts.enter(request, secret=secret, purpose=Token.Purpose.CLAIM, password=None, at=at)

    def _rate(self, secret: str, person: Person, at: datetime) -> None:
        score = min(5, max(1, round(self.random.gauss(1 + 4.4 * person.temper, 0.8))))
        comment = self.random.choice(COMMENTS[score]) if self.random.random() < 0.4 else ""
        answers.give(secret, score=score, comment=comment, at=at)

    def _leave(self, person: Person, at: datetime) -> None:
        for customer in Customer.objects.at_address(person.email):
            consent.unsubscribe(customer, purpose=Purpose.MARKETING, source="mail", at=at)
