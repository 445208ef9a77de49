"""Our pages in the menu of Oscar's dashboard."""

from typing import Any

from django.contrib.auth.models import Permission, User

from retention.contrib.oscar.navigation import NAVIGATION, may_see
from tests.oscar.world import OscarWorld


def test_staff_find_us_in_oscars_menu(world: OscarWorld, settings: Any) -> None:
    settings.OSCAR_DASHBOARD_NAVIGATION = [*settings.OSCAR_DASHBOARD_NAVIGATION, NAVIGATION]
    html = world.visit(world.add_staff()).get("/dashboard/").content.decode()
    assert "Customers who come back" in html
    assert 'href="/admin/retention/customer/"' in html


def test_only_staff_with_a_permission_of_ours_see_it(db: None) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    assert not may_see(staff, "admin:retention_customer_changelist")
    staff.user_permissions.add(Permission.objects.get(codename="view_customer", content_type__app_label="retention"))
    staff = User.objects.get(pk=staff.pk)
    assert may_see(staff, "admin:retention_customer_changelist")
    staff.is_staff = False
    assert not may_see(staff, "admin:retention_customer_changelist")
