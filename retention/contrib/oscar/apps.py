from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetentionOscarConfig(AppConfig):
    name = "retention.contrib.oscar"
    # without a label of its own it would collide with the host's "oscar"
    label = "retention_oscar"
    verbose_name = _("Retention in Oscar")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from retention import registry
        from retention.contrib.oscar import checks, uninstall  # noqa: F401  (checks register themselves)

        registry.uninstalls.add(self.label, uninstall.uninstall)
