from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetentionAnymailConfig(AppConfig):
    name = "retention.contrib.anymail"
    # without a label of its own it would collide with "anymail"
    label = "retention_anymail"
    verbose_name = _("Retention with Anymail")

    def ready(self) -> None:
        # models exist only now
        from retention.contrib.anymail import receivers

        receivers.connect()
