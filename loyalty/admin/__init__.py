from loyalty.admin import accounts, awards, entries, memberships, programmes, referrals, tables

__all__ = ["accounts", "awards", "entries", "memberships", "programmes", "referrals", "tables"]
