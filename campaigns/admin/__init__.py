from campaigns.admin import cases, coupons, journeys, offers, segments, surveys

__all__ = ["cases", "coupons", "journeys", "offers", "segments", "surveys"]
