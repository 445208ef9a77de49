"""Figures, printed and never committed: `make bench`, or `python -m benchmarks placement`."""
