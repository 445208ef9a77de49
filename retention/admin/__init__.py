from retention.admin import (
    consent,
    consent_imports,
    customers,
    facts,
    installation,
    messages,
    orders,
    sending,
    signals,
    texts,
    topics,
)

__all__ = [
    "consent",
    "consent_imports",
    "customers",
    "facts",
    "installation",
    "messages",
    "orders",
    "sending",
    "signals",
    "texts",
    "topics",
]
