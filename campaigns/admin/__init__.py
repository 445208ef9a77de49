from campaigns.admin import cases, costs, coupons, journeys, margin, offers, segments, surveys

__all__ = ["cases", "costs", "coupons", "journeys", "margin", "offers", "segments", "surveys"]
