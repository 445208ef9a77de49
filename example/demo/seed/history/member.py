"""What the shopper whose password is printed does beside buying: rewards, a challenge, a wish about mail, a review."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from campaigns.models import Coupon
from example.demo.seed.history import news, promises, till
from example.demo.seed.history.cast import Person
from example.demo.seed.history.diary import Diary
from loyalty.models import Account, Challenge, Reward
from loyalty.services import claims, participants
from retention.models import Customer
from retention.services import preferences


class Member:
    """Writes into the diary what one person does."""

    def __init__(self, diary: Diary, person: Person) -> None:
        self.diary, self.person = diary, person

    def expect(self, *, start: datetime, end: datetime, used: datetime) -> None:
        """Write it down, as far as it is after ``start``. ``used``: when they order with a reward's coupon."""
        for at, act in (
            (used - timedelta(days=2), lambda at: self._claim(_("A parcel without postage"), at)),
            (end - timedelta(days=20), lambda at: self._claim(_("A tree"), at)),
            (end - timedelta(days=12), self._join),
            (end - timedelta(days=9), self._leave_out),
            (end - timedelta(days=4), lambda at: self._claim(_("Two euros off"), at)),
            (end - timedelta(days=3), self._review),
        ):
            if at > start:
                self.diary.note(at, act)

    def coupon(self, *, at: datetime) -> Coupon | None:
        """Return the coupon of a reward that they have claimed and not used."""
        mine = Coupon.objects.redeemable(at=at).filter(customer__address=self.person.email, claim__state="reserved")
        return mine.order_by("expires_at").first()

    def _me(self) -> Customer:
        return Customer.objects.get(user__email=self.person.email)

    def _claim(self, name: str, at: datetime) -> None:
        """Claim a reward; in a year that has just begun there may be too few points yet."""
        reward = Reward.objects.get(name=name)
        account = Account.objects.filter(customer__user__email=self.person.email).first()
        if account is not None and account.spendable >= reward.cost:
            claims.claim(reward, self._me(), key=f"demo:{reward.pk}", at=at)

    def _join(self, at: datetime) -> None:
        participants.join(Challenge.objects.get(name=_(promises.TEAS)), self._me(), at=at)

    def _leave_out(self, at: datetime) -> None:
        preferences.choose_topics(self._me(), {news.EVENINGS: False}, mailbox=False, at=at)

    def _review(self, at: datetime) -> None:
        till.review(self._me().user, sku="TE-2", words="Fresh, a little sweet. Two minutes are enough, as they say.")
