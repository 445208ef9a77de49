"""Loyalty: a ledger of points and the tiers that customers qualify for, on top of campaigns and retention."""
