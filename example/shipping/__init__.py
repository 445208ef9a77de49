"""The shop's own shipping, in the way Oscar wants it: an app of the same label."""
