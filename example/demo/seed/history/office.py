"""What staff do: look after the unhappy, and make good by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db.models import Max, Min, Sum

from campaigns.models import RecoveryCase
from campaigns.services import cases
from example.demo.seed.history.diary import Diary
from loyalty.models import Account, ActionAward, Contribution, Referral, Task
from loyalty.services import actions, causes, corrections, giving, referral_reviews, tasks

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
        for days in range(30, (end - start).days - 4, 6):
            self.diary.note(start + timedelta(days=days, hours=12), self._arrange)
        self.diary.note(end - timedelta(hours=40), self._review_friends)
        self.diary.note(end - timedelta(days=31), self._pay_out)
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

    def _arrange(self, at: datetime) -> None:
        """See to what was promised more than a week ago, and to points that wait for a yes."""
        for task in Task.objects.filter(state=Task.State.OPEN, made_at__lt=at - timedelta(days=8)).order_by("pk"):
            tasks.close(task, state=Task.State.DONE, by=self.staff.get_username(), at=at)
        waiting = ActionAward.objects.filter(state=ActionAward.State.WAITING, at__lt=at - timedelta(days=5))
        actions.approve(waiting, by=self.staff.get_username(), at=at)

    def _review_friends(self, at: datetime) -> None:
        """Decide the first of the referrals that stand out; the others are for who looks at the demo."""
        one = Referral.objects.queue().order_by("pk").first()
        if one is not None:
            referral_reviews.decide(
                one, approve=True, reason="A café next door: they do know each other.",
                author=self.staff.get_username(), at=at,
            )  # fmt: skip

    def _pay_out(self, at: datetime) -> None:
        """Pay each cause what the orders of the months before have given."""
        month = giving.month_of(at)
        for owed in causes.owed():
            given = Contribution.objects.filter(cause=owed.cause, currency=owed.currency, month__lt=month)
            sums = given.aggregate(total=Sum("amount_minor"), first=Min("month"), last=Max("month"))
            if sums["total"]:
                causes.pay_out(
                    owed.cause, currency=owed.currency, amount_minor=sums["total"], first_month=sums["first"],
                    last_month=sums["last"], by=self.staff.get_username(), key=f"demo:{owed.cause.pk}", at=at,
                )  # fmt: skip

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
