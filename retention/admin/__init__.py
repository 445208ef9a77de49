from retention.admin import consent, customers, facts, installation, messages, orders, signals, texts

__all__ = ["consent", "customers", "facts", "installation", "messages", "orders", "signals", "texts"]
