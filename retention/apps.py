from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetentionConfig(AppConfig):
    name = "retention"
    label = "retention"
    verbose_name = _("Retention")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from retention import checks, setup  # noqa: F401  (registers with Django and with the registry)
        from retention.shop import get_shop_or_none

        shop = get_shop_or_none()
        if shop is not None:
            shop.connect()
