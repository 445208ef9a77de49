"""Points of a hundred thousand members that end at once, beside the ORM and the bare statement."""
