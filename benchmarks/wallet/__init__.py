"""A shopper's wallet over the API, beside a view that reads one row."""
