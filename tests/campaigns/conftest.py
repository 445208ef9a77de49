"""What the tests of campaigns share. Fixtures live in the modules beside this one."""

from tests.campaigns.walks import switch, walk

__all__ = ["switch", "walk"]
