"""Product pictures, drawn here from simple shapes: the same every time, and nobody else's."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw

SIZE = 800
# Drawn twice as large and made smaller at the end, which smooths the edges.
SCALE = 2

Color = str
Draw = ImageDraw.ImageDraw
Box = tuple[float, float, float, float]


def paint(*, shape: str, ground: Color, main: Color, accent: Color) -> bytes:
    """Return a square JPEG picture of a thing, one of SHAPES, in three colors (``#rrggbb``)."""
    side = SIZE * SCALE
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    _ellipse(draw, (150, 610, 650, 690), _mix(ground, "#000000", 0.10))
    SHAPES[shape](draw, main, accent)
    picture = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    out = BytesIO()
    picture.save(out, "JPEG", quality=88, optimize=True)
    return out.getvalue()


def notebook(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (262, 152, 572, 648), 18, _mix(main, "#000000", 0.25))
    _round(draw, (252, 146, 552, 642), 6, "#f7f3ea")
    _round(draw, (238, 140, 540, 636), 18, main)
    _rect(draw, (238, 140, 282, 636), _mix(main, "#000000", 0.18))
    _round(draw, (330, 230, 490, 310), 8, "#f7f3ea")
    _rect(draw, (350, 256, 470, 262), accent)
    _rect(draw, (350, 278, 440, 284), accent)
    _rect(draw, (500, 140, 514, 636), accent)


def dotted(draw: Draw, main: Color, accent: Color) -> None:
    notebook(draw, main, accent)
    for x in range(320, 490, 34):
        for y in range(370, 600, 34):
            _ellipse(draw, (x - 4, y - 4, x + 4, y + 4), _mix(main, "#ffffff", 0.45))


def planner(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (150, 240, 650, 620), 16, _mix(main, "#000000", 0.2))
    _round(draw, (162, 228, 396, 606), 8, "#faf6ee")
    _round(draw, (404, 228, 638, 606), 8, "#f3eee2")
    for row in range(4):
        y = 268 + row * 84
        for left in (188, 430):
            _round(draw, (left, y, left + 182, y + 10), 5, main if row == 0 else _mix(main, "#ffffff", 0.55))
            _rect(draw, (left, y + 34, left + 182, y + 37), "#d9d2c2")
            _rect(draw, (left, y + 56, left + 140, y + 59), "#d9d2c2")
    _rect(draw, (392, 216, 408, 668), accent)


def trio(draw: Draw, main: Color, accent: Color) -> None:
    colors = (_mix(main, "#ffffff", 0.35), accent, main)
    for index, color in enumerate(colors):
        left, top = 190 + index * 90, 190 + index * 45
        _round(draw, (left + 8, top + 8, left + 248, top + 368), 12, _mix(color, "#000000", 0.3))
        _round(draw, (left, top, left + 240, top + 360), 12, color)
        _rect(draw, (left, top, left + 26, top + 360), _mix(color, "#000000", 0.15))
        _round(draw, (left + 70, top + 60, left + 190, top + 108), 6, "#f7f3ea")


def pen(draw: Draw, main: Color, accent: Color) -> None:
    _slanted(draw, 196, 600, 46, main)
    _slanted(draw, 372, 394, 52, accent)
    _slanted(draw, 394, 600, 52, _mix(main, "#000000", 0.12))
    _line(draw, ((440, 366), (574, 232)), 10, accent)
    _polygon(draw, ((219, 653), (173, 607), (120, 706)), "#e8d9a8")
    _line(draw, ((122, 704), (182, 644)), 4, "#6a5a2a")


def brush(draw: Draw, main: Color, accent: Color) -> None:
    _slanted(draw, 210, 590, 40, main)
    _slanted(draw, 176, 214, 42, accent)
    _polygon(draw, ((195, 665), (161, 631), (108, 712)), "#2b2b2b")


def ink(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (320, 170, 480, 270), 14, accent)
    for x in range(338, 472, 20):
        _rect(draw, (x, 178, x + 5, 262), _mix(accent, "#000000", 0.25))
    _rect(draw, (348, 262, 452, 310), _mix(main, "#ffffff", 0.55))
    _round(draw, (220, 300, 580, 640), 40, _mix(main, "#ffffff", 0.6))
    _round(draw, (244, 380, 556, 618), 28, main)
    _round(draw, (300, 420, 500, 560), 8, "#f7f3ea")
    _ellipse(draw, (376, 446, 424, 494), main)
    _polygon(draw, ((379, 462), (421, 462), (400, 424)), main)
    _rect(draw, (340, 518, 460, 525), accent)


def pencils(draw: Draw, main: Color, accent: Color) -> None:
    for index in range(6):
        left = 198 + index * 70
        color = _mix(main, accent, index / 5)
        _rect(draw, (left, 250, left + 54, 640), color)
        _rect(draw, (left, 250, left + 18, 640), _mix(color, "#ffffff", 0.2))
        _rect(draw, (left + 38, 250, left + 54, 640), _mix(color, "#000000", 0.15))
        _polygon(draw, ((left, 250), (left + 54, 250), (left + 27, 150)), "#ecd6ae")
        _polygon(draw, ((left + 18, 183), (left + 36, 183), (left + 27, 150)), "#2f2f2f")
        _rect(draw, (left, 596, left + 54, 606), "#f7f3ea")


def mug(draw: Draw, main: Color, accent: Color) -> None:
    _ring(draw, (500, 320, 660, 520), 34, _mix(main, "#000000", 0.12))
    _round(draw, (200, 220, 560, 650), 60, main)
    _rect(draw, (200, 250, 560, 420), main)
    _rect(draw, (200, 470, 560, 520), accent)
    _ellipse(draw, (200, 180, 560, 290), _mix(main, "#ffffff", 0.3))
    _ellipse(draw, (222, 196, 538, 276), "#5b3a26")
    _speckle(draw, (230, 320, 530, 620), _mix(main, "#000000", 0.25))


def bowl(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (320, 600, 480, 660), 14, _mix(main, "#000000", 0.25))
    _pie(draw, (140, 130, 660, 650), main)
    _ellipse(draw, (140, 330, 660, 450), _mix(main, "#ffffff", 0.3))
    _ellipse(draw, (170, 346, 630, 440), accent)
    _speckle(draw, (240, 460, 560, 580), _mix(main, "#000000", 0.25))


def teabowl(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (330, 610, 470, 660), 12, _mix(main, "#000000", 0.3))
    _polygon(draw, ((230, 290), (570, 290), (540, 560), (470, 630), (330, 630), (260, 560)), main)
    _polygon(draw, ((230, 290), (570, 290), (562, 370), (480, 430), (400, 380), (310, 450), (238, 370)), accent)
    _ellipse(draw, (230, 245, 570, 335), _mix(accent, "#ffffff", 0.35))
    _ellipse(draw, (252, 260, 548, 324), "#7f8f3a")


def espresso(draw: Draw, main: Color, accent: Color) -> None:
    for left, top, color in ((160, 300, accent), (410, 360, main)):
        _ring(draw, (left + 180, top + 60, left + 270, top + 170), 20, _mix(color, "#000000", 0.12))
        _round(draw, (left, top + 20, left + 220, top + 270), 46, color)
        _rect(draw, (left, top + 30, left + 220, top + 140), color)
        _ellipse(draw, (left, top - 12, left + 220, top + 58), _mix(color, "#ffffff", 0.35))
        _ellipse(draw, (left + 16, top, left + 204, top + 50), "#4a2d1c")


def tin(draw: Draw, main: Color, accent: Color) -> None:
    _round(draw, (240, 230, 560, 660), 26, main)
    _rect(draw, (240, 230, 300, 640), _mix(main, "#ffffff", 0.14))
    _rect(draw, (510, 230, 560, 640), _mix(main, "#000000", 0.14))
    _round(draw, (228, 170, 572, 270), 22, _mix(main, "#000000", 0.22))
    _round(draw, (280, 340, 520, 580), 12, "#f7f3ea")
    _leaf(draw, 400, 430, accent)
    _rect(draw, (330, 530, 470, 537), main)
    _rect(draw, (356, 550, 444, 556), main)


def pouch(draw: Draw, main: Color, accent: Color) -> None:
    _polygon(draw, ((250, 190), (550, 190), (590, 640), (210, 640)), main)
    _polygon(draw, ((250, 190), (550, 190), (556, 260), (244, 260)), _mix(main, "#000000", 0.2))
    _rect(draw, (246, 222, 554, 228), _mix(main, "#ffffff", 0.3))
    _round(draw, (290, 330, 510, 570), 110, "#f7f3ea")
    _leaf(draw, 400, 420, accent)
    _rect(draw, (345, 510, 455, 517), main)


SHAPES: dict[str, Callable[[Draw, Color, Color], None]] = {
    shape.__name__: shape
    for shape in (
        *(notebook, dotted, planner, trio),
        *(pen, brush, ink, pencils),
        *(mug, bowl, teabowl, espresso),
        *(tin, pouch),
    )
}


def _mix(one: Color, other: Color, share: float) -> Color:
    """The color between two, with this share of the other (0 to 1)."""
    pairs = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _up(box: Box) -> list[float]:
    return [value * SCALE for value in box]


def _rect(draw: Draw, box: Box, color: Color) -> None:
    draw.rectangle(_up(box), fill=color)


def _round(draw: Draw, box: Box, radius: float, color: Color) -> None:
    draw.rounded_rectangle(_up(box), radius * SCALE, fill=color)


def _ellipse(draw: Draw, box: Box, color: Color) -> None:
    draw.ellipse(_up(box), fill=color)


def _ring(draw: Draw, box: Box, width: int, color: Color) -> None:
    draw.ellipse(_up(box), outline=color, width=width * SCALE)


def _pie(draw: Draw, box: Box, color: Color) -> None:
    draw.pieslice(_up(box), 0, 180, fill=color)


def _polygon(draw: Draw, points: tuple[tuple[float, float], ...], color: Color) -> None:
    draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=color)


def _line(draw: Draw, points: tuple[tuple[float, float], ...], width: int, color: Color) -> None:
    draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=color, width=width * SCALE)


def _slanted(draw: Draw, start: float, end: float, width: float, color: Color) -> None:
    """A bar from bottom left to top right, between two abscissas."""
    half = width / 2
    bottom, top = 826 - start, 826 - end
    corners = ((start - half, bottom - half), (start + half, bottom + half))
    _polygon(draw, (*corners, (end + half, top + half), (end - half, top - half)), color)


def _leaf(draw: Draw, x: float, y: float, color: Color) -> None:
    _polygon(
        draw, ((x, y - 70), (x + 44, y - 10), (x + 30, y + 40), (x, y + 60), (x - 30, y + 40), (x - 44, y - 10)), color
    )
    _line(draw, ((x, y - 40), (x, y + 84)), 6, _mix(color, "#000000", 0.35))


def _speckle(draw: Draw, box: Box, color: Color) -> None:
    """Dots of a glaze: scattered by the golden ratio, so the same each time."""
    left, top, right, bottom = box
    for n in range(1, 46):
        x = left + (n * 0.618034 % 1) * (right - left)
        y = top + (n * 0.381966 * 1.37 % 1) * (bottom - top)
        _ellipse(draw, (x - 2.5, y - 2.5, x + 2.5, y + 2.5), color)
