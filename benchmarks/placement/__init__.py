"""What is added to placing an order in Oscar: our row in the inbox beside an inline Celery `.delay()`."""
