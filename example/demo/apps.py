from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    """The demo's own things, apart from the shop."""

    name = "example.demo"
    label = "demo"
    verbose_name = _("Demo")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Oscar's models are not there before
        from example.demo import reviews

        reviews.connect()
