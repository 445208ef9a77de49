"""Who buys: a member, a guest, or somebody from an import."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retention.hashing import address_hash
from retention.mailboxes import Letters


class CustomerQuerySet(models.QuerySet["Customer"]):
    def living(self) -> CustomerQuerySet:
        """Leave out guests that a member's row has absorbed."""
        return self.filter(absorbed_into=None)

    def members(self) -> CustomerQuerySet:
        return self.filter(user__isnull=False)

    def at_address(self, email: str) -> CustomerQuerySet:
        """Everybody with this address, letter case aside."""
        return self.living().filter(address=email.strip().lower())


class AddressHashField(models.CharField):  # type: ignore[type-arg]  # at run time it takes none
    """The hash of the address beside it, whoever makes the row; who updates the address alone has to write it."""

    def pre_save(self, model_instance: Any, add: bool) -> str:
        hashed = address_hash(model_instance.address) if model_instance.address else ""
        setattr(model_instance, self.attname, hashed)
        return hashed

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class Customer(models.Model):
    """One person as far as we can prove it.

    A guest's row is absorbed by a member's only after the mailbox is proven; two users with one
    address stay two customers. Erasure empties the personal strings and keeps the row.
    """

    class Kind(models.TextChoices):
        MEMBER = "member", _("member")
        GUEST = "guest", _("guest")
        IMPORT = "import", _("import")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,  # the host may delete its user; the ledger stays
        related_name="retention_customer",
    )
    source = models.CharField(_("source"), max_length=40, blank=True)
    number = models.CharField(_("number"), max_length=100, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    address = models.CharField(_("address"), max_length=254, blank=True, db_index=True, editable=False)
    address_hash = AddressHashField(max_length=64, blank=True, default="", editable=False)
    """By which the database itself knows whether the address is suppressed; goes when the address goes."""
    address_proven_at = models.DateTimeField(_("address proven"), null=True, blank=True)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    birth_month = models.PositiveSmallIntegerField(_("birthday, month"), null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(_("birthday, day"), null=True, blank=True)
    """Never the year."""
    birthday_given_at = models.DateTimeField(_("birthday given"), null=True, blank=True)
    absorbed_into = models.ForeignKey(
        "self",
        verbose_name=_("absorbed into"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="absorbed",
    )
    created_at = models.DateTimeField(_("first seen"))
    joined_at = models.DateTimeField(_("account since"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    orders_count = models.PositiveIntegerField(_("orders"), default=0)
    first_order_at = models.DateTimeField(_("first order"), null=True, blank=True)
    last_order_at = models.DateTimeField(_("last order"), null=True, blank=True)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                fields=["address"],
                condition=Q(kind="guest", absorbed_into=None) & ~Q(address=""),
                name="retention_guest_once_per_address",
            ),
            models.UniqueConstraint(
                fields=["source", "number"],
                condition=Q(kind="import") & ~Q(number=""),
                name="retention_import_once_per_number",
            ),
            models.CheckConstraint(
                condition=Q(birth_month=None, birth_day=None)
                | Q(birth_month__range=(1, 12), birth_day__range=(1, 31), birthday_given_at__isnull=False),
                name="retention_birthday_is_a_day",
            ),
        ]
        indexes = [
            models.Index(fields=["last_order_at"], name="retention_cust_last_order"),
            models.Index(
                fields=["birth_month", "birth_day"],
                condition=Q(birth_month__isnull=False),
                name="retention_cust_birthday",
            ),
            models.Index(fields=["number"], condition=Q(kind="import") & ~Q(number=""), name="retention_cust_number"),
            models.Index(Letters("address"), name="retention_cust_mailbox"),
        ]
        permissions = [
            ("view_personal_data", _("Can see personal data")),
            ("export_personal_data", _("Can export personal data")),
            ("erase_person", _("Can forget a person")),
        ]

    def __str__(self) -> str:
        return _("customer %(id)s") % {"id": self.pk}

    @property
    def is_member(self) -> bool:
        return self.user_id is not None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Spend(models.Model):
    """What a customer has spent in one currency; currencies are never added up."""

    customer = models.ForeignKey(Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="spends")
    currency = models.CharField(_("currency"), max_length=3)
    net_minor = models.BigIntegerField(_("net spend, minor units"), default=0)

    class Meta:
        verbose_name = _("spend")
        verbose_name_plural = _("spend")
        constraints = [models.UniqueConstraint(fields=["customer", "currency"], name="retention_spend_once")]
