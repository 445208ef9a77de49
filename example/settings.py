"""Settings of the example shop. The environment is read here and nowhere else.

Servers: DATABASE_URL, REDIS_URL, EMAIL_URL. The shop: SECRET_KEY, DEBUG, BASE_URL.
The demo: DEMO_DATA (folder for database, pictures and logs), DEMO_SPEED (divides our waits).
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _
from oscar.defaults import *  # noqa: F403  (Oscar's documented way to get its settings)
from oscar.defaults import OSCAR_DASHBOARD_NAVIGATION

from retention.contrib.oscar.navigation import NAVIGATION

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(env("DEMO_DATA", default=str(ROOT / ".demo"))).resolve()

# The shop
SECRET_KEY = env("SECRET_KEY", default="not-a-secret-good-enough-for-an-example-on-one-machine")
DEBUG = env.bool("DEBUG", default=False)
BASE_URL = env("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = sorted({urlsplit(BASE_URL).hostname or "", "127.0.0.1", "localhost"})
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SITE_ID = 1
ROOT_URLCONF = "example.urls"
WSGI_APPLICATION = "example.wsgi.application"

# Ours come before Oscar's, so that our templates can extend Oscar's of the same name.
INSTALLED_APPS = [
    "retention.contrib.oscar",
    "retention",
    "campaigns",
    "loyalty",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "example.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "django_tables2",
    "sorl.thumbnail",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "example.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "retention.contrib.oscar.middleware.CheckoutMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "example" / "templates", ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ],
        },
    },
]

# People
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "/"

# Database
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA / 'shop.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A transaction that reads first and writes later cannot wait for the lock, it fails;
    # IMMEDIATE takes the lock at the beginning. WAL lets readers go on meanwhile.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # It cannot keep our comments on columns, and says so at each migration.
    SILENCED_SYSTEM_CHECKS = ["fields.W163"]
DATABASES["default"]["ATOMIC_REQUESTS"] = False
# Oscar's migrations were made with it.
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
# The forked shipping app has no model of its own, so Oscar's migrations serve it.
MIGRATION_MODULES = {"shipping": "oscar.apps.shipping.migrations"}
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "example.search.Engine"}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian")), ("es", _("Spanish")), ("zh-hans", _("Chinese"))]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"

# Files. WhiteNoise takes them from the apps, so there is nothing to collect.
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "example" / "static"]
WHITENOISE_USE_FINDERS = True
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA / "media"

# Mail is recorded for the outbox page, unless EMAIL_URL names a server.
EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "example.demo.mail.RecorderBackend"
DEFAULT_FROM_EMAIL = "Paper & Clay <shop@example.com>"

# Oscar
OSCAR_SHOP_NAME = "Paper & Clay"
OSCAR_SHOP_TAGLINE = _("things for the desk and the table")
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_FROM_EMAIL = DEFAULT_FROM_EMAIL
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_IMAGE_FOLDER = "products/"
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {
    "Pending": ("Being processed", "Cancelled"),
    "Being processed": ("Shipped", "Cancelled"),
    "Shipped": ("Complete", "Cancelled"),
    "Complete": (),
    "Cancelled": (),
}
OSCAR_LINE_STATUS_PIPELINE = OSCAR_ORDER_STATUS_PIPELINE
OSCAR_ORDER_STATUS_CASCADE = {name: name for name in OSCAR_ORDER_STATUS_PIPELINE}
OSCAR_HIDDEN_FEATURES = ["wishlists"]
OSCAR_DASHBOARD_NAVIGATION = [*OSCAR_DASHBOARD_NAVIGATION, NAVIGATION]
PHONENUMBER_DEFAULT_REGION = "DE"

# django-retention
RETENTION = {
    "SHOP": "retention.contrib.oscar.shop.OscarShop",
    "SHOP_NAME": OSCAR_SHOP_NAME,
    "BASE_URL": BASE_URL,
    "FROM_EMAIL": DEFAULT_FROM_EMAIL,
    "REPLY_TO": "Paper & Clay <hello@example.com>",
    "POSTAL_ADDRESS": "1 Example Street, 12345 Exampletown",
    # Not SECRET_KEY: that one may change, and who said no must not be forgotten then.
    "HASH_KEY": env("HASH_KEY", default="example-key-by-which-limits-count"),
    "SUPPRESSION_KEY": env("SUPPRESSION_KEY", default="example-key-by-which-suppression-goes"),
    "LINK_KEYS": env.list("LINK_KEYS", default=["example-key-that-signs-unsubscribe-links"]),
    "SPEED": env.float("DEMO_SPEED", default=1.0),
    "STATUS_TIMES": {"Shipped": "fulfilled", "Complete": "delivered", "Cancelled": "cancelled"},
    "PLAIN_STATUSES": ["Pending", "Being processed"],
    "FINAL_STATUSES": ["Complete", "Cancelled"],
}
# Points end with a month of the calendar, so the notice is in days of the calendar, too, though waits are divided.
DEMO_NOTICE_DAYS = 30
LOYALTY = {"EXPIRY_NOTICE_DAYS": round(DEMO_NOTICE_DAYS * RETENTION["SPEED"])}

# Celery. Nothing is stored in Redis but the ticks on their way.
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 0.3, "socket_timeout": 0.3}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# What goes wrong is said on standard error, whether DEBUG is on or not. Not which pages were not found:
# paths of ours hold secrets.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}

REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {"SWAGGER_UI_DIST": "SIDECAR", "SWAGGER_UI_FAVICON_HREF": "SIDECAR", "REDOC_DIST": "SIDECAR"}
