"""What the tests of campaigns share. Fixtures live in the modules beside this one."""

from tests.campaigns.desk import staff
from tests.campaigns.surveys import asked
from tests.campaigns.walks import switch, walk

__all__ = ["asked", "staff", "switch", "walk"]
