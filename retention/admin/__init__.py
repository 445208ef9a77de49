from retention.admin import consent, customers, facts, installation, messages, orders, signals, texts, topics

__all__ = ["consent", "customers", "facts", "installation", "messages", "orders", "signals", "texts", "topics"]
