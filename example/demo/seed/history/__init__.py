"""A year of the shop, told by chance with a fixed seed and played through the real services."""
