"""The example shop: django-oscar with our apps installed as a merchant would install them."""

from example.celery import app as celery_app

__all__ = ["celery_app"]
