"""A coupon's link as a QR code, for leaflets and parcels."""

from __future__ import annotations

from io import BytesIO

import segno
from django.urls import reverse

from retention.links import absolute

QUIET = 4
"""Modules of white around it, without which readers do not find it."""
DOTS = 10
"""Pixels of a module in a picture."""


def link(code: str) -> str:
    """Return the address that opens the coupon's page; only a path where ``RETENTION["BASE_URL"]`` is empty."""
    return absolute(reverse("campaigns:coupon", args=[code]))


def _of(code: str) -> segno.QRCode:
    # 15 % of it may be smudged or folded
    return segno.make_qr(link(code), error="m")


def drawing(code: str) -> str:
    """Return an SVG element to put into a page: no class, no style, as large as its place."""
    return _of(code).svg_inline(border=QUIET, omitsize=True, light="#fff", svgclass=None, lineclass=None)


def svg(code: str) -> bytes:
    """Return an SVG file."""
    file = BytesIO()
    _of(code).save(file, kind="svg", border=QUIET, scale=DOTS, light="#fff", svgclass=None, lineclass=None)
    return file.getvalue()


def png(code: str) -> bytes:
    """Return a PNG file."""
    file = BytesIO()
    _of(code).save(file, kind="png", border=QUIET, scale=DOTS)
    return file.getvalue()
