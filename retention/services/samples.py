"""Values to try a mail's words with, when there is no recipient."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from retention import mail as blocks
from retention.conf import conf
from retention.mail import Mail
from retention.services import texts


def values(mail: Mail) -> dict[str, Any]:
    """Return a value for everything that a mail declares, as a recipient's would look."""
    made: dict[str, Any] = {name: name for name in mail.values}
    for block in mail.body:
        if isinstance(block, blocks.Button):
            made[block.link] = f"{conf.BASE_URL}/retention/sample/"
        if isinstance(block, blocks.Rating):
            made[block.scores] = [
                {"score": score, "url": f"{conf.BASE_URL}/retention/sample/{score}/"} for score in range(1, 6)
            ]
    return {
        **made,
        "shop": texts.shop(),
        "first_name": "",
        "reply_to": parseaddr(conf.REPLY_TO or conf.FROM_EMAIL)[1],
        "unsubscribe_url": None if mail.purpose == "service" else f"{conf.BASE_URL}/retention/u/sample",
    }
