"""The year, from the first day to now."""

from datetime import datetime, timedelta
from random import Random

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import override_settings

from example.demo.seed.goods import GOODS
from example.demo.seed.history import cast, club, crowd, diary, friends, merchant, news, promises, purchases, rewards
from example.demo.seed.history.counter import Counter
from example.demo.seed.history.letterbox import Letterbox
from example.demo.seed.history.member import Member
from example.demo.seed.history.office import Office
from example.demo.seed.people import STAFF
from retention.services import sweep

DAYS = 365
CIRCLE = 5
"""How many others buy the paid membership, with their last order."""


def play(*, end: datetime, people: int = cast.PEOPLE, days: int = DAYS, chance: int = 11) -> None:
    """Play ``days`` days of the shop up to ``end`` through the real services. The same ``chance``, the same year.

    Mail goes to the recorder and waits take as long as in life, whatever the settings say.
    """
    # The rounds of the diary are days apart, and what comes late is news all the same.
    waits = {**settings.RETENTION, "SPEED": 1.0, "NEWS_DAYS": 2 * diary.PAUSE}
    notice = {**settings.LOYALTY, "EXPIRY_NOTICE_DAYS": settings.DEMO_NOTICE_DAYS}
    with override_settings(EMAIL_BACKEND="example.demo.mail.RecorderBackend", RETENTION=waits, LOYALTY=notice):
        _play(end=end, people=people, days=days, random=Random(chance))


def _play(*, end: datetime, people: int, days: int, random: Random) -> None:
    start = (end - timedelta(days=days)).replace(hour=6, minute=0, second=0, microsecond=0)
    shopper = cast.shopper()
    everybody = [shopper, *cast.gather(random, count=people, tastes=list(GOODS))]
    story = diary.Diary()
    member = Member(story, shopper)
    counter = Counter(story, random, chosen={shopper.email: member.coupon})
    letterbox = Letterbox(story, random, {person.email: person for person in everybody})
    story.note(start, lambda at: _found(at))
    member.expect(start=start, end=end, used=purchases.half_a_year_ago(end))
    crowd.expect(story, start=start, end=end)
    members: list[cast.Person] = []
    for person in everybody:
        if person is shopper:
            bought = [one for one in purchases.of_shopper(random, person, end=end) if one.at > start]
        else:
            bought = list(purchases.plan(random, person, start=start + timedelta(days=1), end=end))
        known = person.account is cast.Account.BEFORE and bought and bought[0].at < end - timedelta(days=6)
        if known and person is not shopper:
            members.append(person)
            if len(members) <= CIRCLE:
                bought[-1] = purchases.with_membership(bought[-1])
        counter.expect(person, bought)
        if bought and person.signs_up:
            letterbox.sign_up(person, before=bought[0].at)
    brought = [*friends.of_shopper(shopper, end=end), *(friends.in_a_row(members[0], end=end) if members else ())]
    for purchase, referrer, network in brought:
        letterbox.people[purchase.person.email] = purchase.person
        counter.bring(purchase, referrer, network)
    story.note(max(start, end - timedelta(days=40)), lambda at: promises.challenge(at=at))
    story.note(max(start, end - timedelta(days=21)), lambda at: club.tea_weeks(at=at))
    staff = get_user_model().objects.get(email=STAFF.email)
    Office(story, random, staff).open(start=start, end=end)
    story.play(start=start, end=end, after=letterbox.look)
    sweep.sweep_new(at=end)


def _found(at: datetime) -> None:
    """The first day."""
    merchant.open_shop(at=at)
    rewards.offer(at=at)
    club.found(at=at)
    promises.make(at=at)
    news.prepare(at=at)
