from loyalty.admin import accounts, awards, entries, memberships, programmes, tables

__all__ = ["accounts", "awards", "entries", "memberships", "programmes", "tables"]
