"""Offers and coupons, journeys, surveys and recovery cases, on top of ``retention``."""
