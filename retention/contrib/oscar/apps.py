from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetentionOscarConfig(AppConfig):
    name = "retention.contrib.oscar"
    # without a label of its own it would collide with the host's "oscar"
    label = "retention_oscar"
    verbose_name = _("Retention in Oscar")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # checks register themselves; templates can be looked for only now
        from retention.contrib.oscar import checks  # noqa: F401
