from oscar.apps.shipping import apps


class ShippingConfig(apps.ShippingConfig):
    """Oscar's shipping with the shop's own methods."""

    name = "example.shipping"
