from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetentionConfig(AppConfig):
    name = "retention"
    label = "retention"
    verbose_name = _("Retention")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # models exist only now
        from retention import checks, receivers, setup
        from retention.shop import get_shop_or_none

        checks.load()
        setup.load()
        receivers.connect()
        shop = get_shop_or_none()
        if shop is not None:
            shop.connect()
