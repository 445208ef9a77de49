"""Our pages in the menu of Oscar's dashboard.

In the shop's settings::

    from retention.contrib.oscar.navigation import NAVIGATION
    OSCAR_DASHBOARD_NAVIGATION.append(NAVIGATION)
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _


def may_see(user: Any, url_name: str | None, url_args: Any = None, url_kwargs: Any = None) -> bool:
    """Whether a member of staff may see our pages in Django admin.

    A link to ``admin:*`` needs a function of its own: Oscar's knows only URLs of its dashboard and raises KeyError.
    """
    return bool(user.is_active and user.is_staff and user.has_module_perms("retention"))


NAVIGATION: dict[str, Any] = {
    "label": _("Customers who come back"),
    "icon": "fas fa-heart",
    "access_fn": may_see,
    "children": [
        {"label": _("Customers"), "url_name": "admin:retention_customer_changelist", "access_fn": may_see},
        {"label": _("Messages"), "url_name": "admin:retention_message_changelist", "access_fn": may_see},
    ],
}
