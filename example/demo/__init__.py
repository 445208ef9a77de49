"""What only the demo needs: recorded mail, its outbox page, the seed and the supervisor."""
