"""Using a coupon: what reserving one costs beside a bare UPDATE, and whether it grows with the number of codes."""
