"""The least that django-hordak needs."""

import environ

DATABASES = {"default": environ.Env().db("DATABASE_URL")}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"]
SECRET_KEY = "bench"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CURRENCIES = ["EUR"]
DEFAULT_CURRENCY = "EUR"
