from campaigns.admin import cases, coupons, journeys, offers, surveys

__all__ = ["cases", "coupons", "journeys", "offers", "surveys"]
