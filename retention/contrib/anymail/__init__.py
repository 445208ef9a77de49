"""With django-anymail: what the mail provider tells about our mails. Install it beside ``anymail``."""
