"""What the demo shop holds when it opens: goods, people and a year of history."""
