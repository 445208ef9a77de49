"""Who may log in, and where the shop sends parcels to."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from oscar.core.loading import get_model

Country = get_model("address", "Country")
User = get_user_model()


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """An account of the demo. The password is no secret: it is printed at each start."""

    email: str
    password: str


STAFF = Login(email="staff@example.com", password="letters-and-clay")
SHOPPER = Login(email="shopper@example.com", password="paper-and-tea")

COUNTRIES = (
    ("DE", "DEU", "276", "Germany"),
    ("AT", "AUT", "040", "Austria"),
    ("ES", "ESP", "724", "Spain"),
    ("FR", "FRA", "250", "France"),
    ("NL", "NLD", "528", "Netherlands"),
    ("GB", "GBR", "826", "United Kingdom"),
    ("US", "USA", "840", "United States"),
)


def plant() -> None:
    """Create the countries, one member of staff and one shopper."""
    Country.objects.bulk_create(
        Country(
            iso_3166_1_a2=a2,
            iso_3166_1_a3=a3,
            iso_3166_1_numeric=numeric,
            printable_name=name,
            name=name,
            is_shipping_country=True,
            display_order=len(COUNTRIES) - rank,
        )
        for rank, (a2, a3, numeric, name) in enumerate(COUNTRIES)
    )
    User.objects.create_superuser(STAFF.email, STAFF.email, STAFF.password, first_name="Sam")
    User.objects.create_user(SHOPPER.email, SHOPPER.email, SHOPPER.password, first_name="Ada", last_name="Example")


def name_site() -> None:
    """Write down where the shop is: the demo may start on another port than last time."""
    Site.objects.update_or_create(
        pk=settings.SITE_ID,
        defaults={"domain": settings.BASE_URL.partition("://")[2], "name": settings.OSCAR_SHOP_NAME},
    )
