"""What the tests of campaigns share. Fixtures live in the modules beside this one."""

from tests.campaigns.surveys import asked
from tests.campaigns.walks import switch, walk

__all__ = ["asked", "switch", "walk"]
