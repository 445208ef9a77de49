from campaigns.admin import coupons, offers

__all__ = ["coupons", "offers"]
