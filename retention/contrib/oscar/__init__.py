"""The adapter for django-oscar. List it before ``oscar.config.Shop``."""
