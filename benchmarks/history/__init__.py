"""Taking in a shop's past: orders a second, queries, memory, for a young shop and one four times as old."""
