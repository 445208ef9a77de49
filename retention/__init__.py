"""The ground: customers, orders, what was promised to whom, and the mail that goes out."""
