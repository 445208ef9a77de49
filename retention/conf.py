"""The settings of ``retention``: ``RETENTION = {...}`` in the merchant's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retention.section import Section


class Retention(Section, name="RETENTION"):
    """Wiring only; what merchandising decides (texts, offers, journeys) lives in the database."""

    SHOP: str = ""
    """Dotted path of the class that speaks to the shop, e.g. ``retention.contrib.oscar.shop.OscarShop``."""

    SHOP_NAME: str = ""
    """The shop's name as customers know it, used in mails."""

    BASE_URL: str = ""
    """Scheme and host of links in mails, e.g. ``https://shop.example.com``. Short: see ``retention.E010``."""

    FROM_EMAIL: str = ""
    """Sender of lifecycle mail, e.g. ``Shop <hello@shop.example.com>``."""

    REPLY_TO: str = ""
    """Address that a person answers. Empty: the sender's."""

    REGISTRATION_ASKS: str = "opt_out"
    """What the box on the shop's registration page says: ``opt_out`` (no mail after orders, please), ``opt_in`` (yes,
    offers and news), or empty: there is no box. It is never ticked for anybody."""

    DKIM_SELECTORS: Sequence[str] = ()
    """Selectors of the keys that sign your mail: what stands after ``s=`` in its ``DKIM-Signature``. For the doctor."""

    NAME_SERVERS: Sequence[str] = ()
    """Addresses of name servers that the doctor asks, e.g. ``9.9.9.9`` or ``127.0.0.1:5353``. Empty: the machine's."""

    POSTAL_ADDRESS: str = ""
    """Postal address at the end of marketing mail, which refuses to go out without one."""

    PAGE_LAYOUT: str = ""
    """Template that our pages extend, with blocks ``title`` and ``content``. Empty: the shop adapter's own."""

    TIME_ZONE: str = ""
    """Zone of months, reports and customers whose own zone is unknown. Empty: ``TIME_ZONE`` of Django."""

    HASH_KEY: str = ""
    """Key of the HMAC of folded addresses, by which limits count. Never change it: limits start anew."""

    SUPPRESSION_KEY: str = ""
    """Key of the HMAC of addresses in the suppression list. Never change it: who said no would be forgotten."""

    LINK_KEYS: Sequence[str] = ()
    """Keys that sign unsubscribe links; the first signs, all verify, so that old links work for ever."""

    SPEED: float = 1.0
    """Divides our waits (journey steps, survey delay, pending and return windows); for demonstrations."""

    FINAL_STATUSES: Sequence[str] = ()
    """Host statuses after which an order is read again for late refunds only."""

    STATUS_TIMES: Mapping[str, str] = {}
    """Host status → the time it stamps: ``paid``, ``fulfilled``, ``delivered`` or ``cancelled``."""

    PLAIN_STATUSES: Sequence[str] = ()
    """Host statuses that stamp no time, so that the list of unmapped ones stays empty."""

    REFUND_EVENTS: Sequence[str] = ("Refund", "Refunded")
    """Names of the host's payment events or transaction types that are refunds."""

    PAID_EVENTS: Sequence[str] = ()
    """Names of the host's payment events that mean paid. Empty and no paid status: placed counts as paid."""

    NEWS_DAYS: int = 3
    """An order first seen more days than this after it was placed is history: it starts no journey."""

    SWEEP_OVERLAP_HOURS: int = 24
    """How far a sweep looks back behind the last one, in hours."""

    SWEEP_FINAL_DAYS: int = 90
    """For how many days a final order is read again each night, for late refunds."""

    KEEP_DAYS: int = 400
    """After how many days inbox rows and facts that every subscriber is past are deleted."""

    CLAIM_HOURS: int = 72
    """How long a mailed account link is good, in hours."""

    SIGNUP_DAYS: int = 7
    """How long a link that confirms a sign-up is good, in days."""

    PROMPT_DAYS: int = 90
    """For how many days a prompt is not shown again after a no."""

    CLAIM_MAILS_PER_HOUR: int = 3
    """How many account links one address may ask for in an hour."""

    SIGNUPS_PER_HOUR: int = 10
    """How many sign-ups one network address may make in an hour."""

    COUPON_TRIES_PER_HOUR: int = 30
    """How many coupon codes one network address, and one session, may try in an hour. More begins a block. Raise it
    where many of your shoppers share one address, as those of a mobile network do."""

    COUPON_BLOCK_MINUTES: int = 60
    """How long the first block after too many coupon codes is, in minutes. Each that follows is twice as long as the
    last; after a day without a block the next is a first one again."""

    COUPON_BLOCK_HOURS_AT_MOST: int = 24
    """How long a block after too many coupon codes may grow, in hours."""

    NUM_PROXIES: int | None = None
    """Proxies in front of the shop, for the client's network address. None: DRF's own setting."""

    SEND_LEASE_SECONDS: int = 120
    """How long a worker may hold a claimed mail before another takes over, in seconds."""

    SEND_TRIES: int = 6
    """How often a mail that certainly did not leave is tried again before it is failed."""

    HEARTBEAT_SECONDS: int = 120
    """Age of the last tick beyond which health answers 503, in seconds."""

    API_AUTHENTICATION: Sequence[str] = ()
    """Dotted paths of the API's authentication classes. Empty: tokens of rest_framework.authtoken, where that app is
    installed, and the shop's own sessions."""

    API_WRITES_PER_MINUTE: int = 120
    """How many changes one account may ask of the API in a minute."""

    API_EVENTS_PER_MINUTE: int = 3000
    """How many events of the shop one account may report to the API in a minute."""

    API_OPEN_PER_MINUTE: int = 30
    """How often one network address may ask in a minute for what the API gives to anybody: its own description."""

    API_KEY_HOURS: int = 24
    """For how many hours the answer to an Idempotency-Key is kept."""


conf = Retention()
