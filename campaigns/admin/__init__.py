from campaigns.admin import batches, cases, costs, coupons, guesses, journeys, margin, offers, segments, surveys

__all__ = ["batches", "cases", "costs", "coupons", "guesses", "journeys", "margin", "offers", "segments", "surveys"]
