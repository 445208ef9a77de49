"""Taking addresses out of what others say: mail servers and databases repeat them in their errors."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"[^\s<>'\"()\[\],;:=]+@[^\s<>'\"()\[\],;:=]+")


def without_addresses(text: str) -> str:
    """Return the text with an ellipsis in place of each e-mail address."""
    return ADDRESS.sub("…", text)
