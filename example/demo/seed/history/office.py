"""What staff do: look after the unhappy, and make good by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from campaigns.models import RecoveryCase
from campaigns.services import cases
from example.demo.seed.history.diary import Diary
from loyalty.models import Account
from loyalty.services import corrections

Outcome, Leaving = RecoveryCase.Outcome, RecoveryCase.Leaving
NOTES = {
    Outcome.STAYED: "Apologized and sent a new one. Happy now.",
    Outcome.NO_ANSWER: "Wrote twice, no answer.",
    Outcome.LEFT: "Does not want to try again.",
    Outcome.MISTAKE: "Meant five, not one.",
}


@dataclass
class Office:
    """One member of staff and their days."""

    diary: Diary
    random: Random
    staff: Any

    def open(self, *, start: datetime, end: datetime) -> None:
        """Write down the rounds: cases every third day but the last five weeks, points now and then."""
        for days in range(30, (end - start).days - 35, 3):
            self.diary.note(start + timedelta(days=days, hours=10), self._look_after)
        for days in (120, 210, 300):
            self.diary.note(start + timedelta(days=days, hours=11), self._make_good)

    def _look_after(self, at: datetime) -> None:
        for case in RecoveryCase.objects.unsolved().filter(opened_at__lt=at - timedelta(days=1)).order_by("pk"):
            cases.take(case, by=self.staff)
            if self.random.random() < 0.7:
                [outcome] = self.random.choices(list(NOTES), [60, 22, 14, 4])
                cases.add_note(case, by=self.staff, text=NOTES[outcome], at=at)
                leaving = self.random.choice(list(Leaving)) if outcome is Outcome.LEFT else ""
                cases.solve(case, by=self.staff, outcome=outcome, leaving=leaving, at=at)

    def _make_good(self, at: datetime) -> None:
        account = Account.objects.filter(balance__gt=0).order_by("-balance", "pk").first()
        if account:
            corrections.correct(
                account.customer,
                amount=50,
                reason="A parcel came a week late.",
                author=self.staff.get_username(),
                key=f"late:{at:%Y-%m-%d}",
                at=at,
            )
