#!/usr/bin/env python
"""Runs the example shop: ``manage.py demo`` starts all of it."""

import os
import sys


def main() -> None:
    """Hand the command line to Django, set up for the example shop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Run `make demo`, or activate the virtual environment.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
