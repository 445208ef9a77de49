"""What the shop sells."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """One product: what it is, what it costs (EUR, tax included), and how its picture is drawn."""

    sku: str
    title: str
    text: str
    price: Decimal
    shape: str
    ground: str
    main: str
    accent: str


def _good(sku: str, title: str, price: str, shape: str, colors: str, text: str) -> Good:
    ground, main, accent = colors.split()
    return Good(
        sku=sku, title=title, text=text, price=Decimal(price), shape=shape, ground=ground, main=main, accent=accent
    )


GOODS: dict[str, tuple[Good, ...]] = {
    "Notebooks": (
        _good("NB-1", "Field notebook", "9.50", "notebook", "#e9e2d3 #2f5d50 #d98e4a",
              "Pocket size, 96 plain pages, sewn so that it lies flat. The cover forgives rain."),
        _good("NB-2", "Dotted notebook A5", "14.00", "dotted", "#dfe6e4 #33475b #e0a45c",
              "160 dotted pages of heavy paper that fountain-pen ink does not bleed through."),
        _good("NB-3", "Weekly planner", "18.00", "planner", "#efe3d8 #a5533e #2f5d50",
              "A week on two pages, undated: begin when you like and skip a holiday without guilt."),
        _good("NB-4", "Pocket notebooks, set of three", "12.00", "trio", "#e6e6da #2f5d50 #d98e4a",
              "Thin ones, stapled, 48 pages each. One for the coat, one for the desk, one to give away."),
    ),
    "Pens & ink": (
        _good("PN-1", "Fountain pen, fine", "39.00", "pen", "#e8e4ee #3a3f6b #c9a24a",
              "A steel nib that starts at once, a converter in the box, and a cap that does not dry out."),
        _good("PN-2", "Brush pen", "6.50", "brush", "#f0e4e0 #9c3f3f #2f2f2f",
              "Deep black, waterproof, with a tip that goes from a hair to a centimeter."),
        _good("PN-3", "Ink, deep blue, 50 ml", "11.00", "ink", "#dde6f0 #23407a #2b2b33",
              "A blue that stays blue. The bottle stands low, so that the last drop can be reached."),
        _good("PN-4", "Pencils, six grades", "15.00", "pencils", "#efe8d6 #2f5d50 #d9b24a",
              "From 2H to 4B, cedar, sharpened. For who draws and for who only likes pencils."),
    ),
    "Cups & bowls": (
        _good("CB-1", "Stoneware mug", "22.00", "mug", "#e3e9e6 #c9b79c #3f6f7a",
              "Holds 350 ml and keeps it warm. Thrown by hand, so no two rings are at one height."),
        _good("CB-2", "Tea bowl", "26.00", "teabowl", "#ece4d8 #4a4f57 #7fa39a",
              "No handle: when it is cool enough to hold, it is cool enough to drink."),
        _good("CB-3", "Breakfast bowl", "24.00", "bowl", "#e6e2ea #e9dfcf #c98f6a",
              "Wide and deep, for porridge, soup or six plums. The dishwasher does it no harm."),
        _good("CB-4", "Espresso cups, pair", "28.00", "espresso", "#e2e8ec #6b7f8c #d9c7a8",
              "Two small cups with thick walls, 70 ml each, in sand and slate."),
    ),
    "Tea": (
        _good("TE-1", "Breakfast tea, 100 g", "8.90", "tin", "#ece2d6 #8a3b2e #8a3b2e",
              "Strong and malty, made to be drunk with milk before anybody speaks."),
        _good("TE-2", "Green tea, 100 g", "12.50", "tin", "#e1eadf #3f6b45 #6f9a4a",
              "Steamed leaves, fresh and a little sweet. Two minutes, at 70 degrees."),
        _good("TE-3", "Rooibos with vanilla, 100 g", "7.90", "pouch", "#f0e3d6 #c06a3a #b5482e",
              "Red, round and free of caffeine: the one for after ten at night."),
        _good("TE-4", "Peppermint, 50 g", "5.90", "pouch", "#dfeae6 #4f8f7f #3f8f5f",
              "Whole leaves and nothing else. Also good cold, with a slice of lemon."),
    ),
}  # fmt: skip

MEMBERSHIP = _good(
    "CL-1", "Workshop circle, one year", "24.00", "dotted", "#e3e6da #6f7f4a #d98e4a",
    "Free shipping on each order, half as many points again, and something small to begin with. It ends by itself.",
)  # fmt: skip
"""What is sold and never sent: a paid membership."""
