"""Colours, line styles and markers that can be told apart, without colour too.

The colours were searched for so that any two of them stay apart (CIELAB, ΔE 20 or more) for people
with protanopia, deuteranopia and tritanopia too, and no two are equally light; styles and markers
differ besides. The test says so again.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "#101417"
MUTED = "#58626C"
GRID = "#DDE1E5"
PALE = "#E9EDF0"
PLAIN = "#A3ACB5"
"""Of what is no reason, or no line in particular."""
BACKGROUND = "#FFFFFF"

GOOD = "#254379"
BAD = "#F17B0C"
TOTAL = "#58626C"
HATCH = "////"


@dataclass(frozen=True, slots=True)
class Look:
    """How one line, or the points of one group, are drawn."""

    colour: str
    style: str | tuple[int, tuple[float, ...]]
    marker: str

    @property
    def text(self) -> str:
        """The colour of words about it: dark enough to be read."""
        return mixed_colour(self.colour, INK, 0.35)


LOOKS = (
    Look("#254379", "-", "o"),
    Look("#F17B0C", (0, (6.0, 2.0)), "s"),
    Look("#027A56", (0, (1.5, 1.5)), "^"),
    Look("#D168A0", (0, (8.0, 2.0, 1.5, 2.0)), "D"),
    Look("#101417", (0, (3.0, 1.5)), "v"),
    Look("#7B813C", "-", "P"),
    Look("#611F04", (0, (1.0, 3.0)), "X"),
    Look("#7635B1", (0, (10.0, 4.0)), "*"),
)
"""As many as one can tell apart in one picture, the first ones the farthest apart."""

_DEEP, _LIGHT = "#0E2A52", "#EAF1F8"
"""Ends of the scale of a heat map: the darker, the more."""


def colour_of_move(upwards: bool, better: str) -> str:
    """Blue for the better, orange for the worse: `better` as the catalogue says of the figure."""
    if better == "neither":
        return INK
    return GOOD if upwards == (better == "higher") else BAD


def heat_colour(share: float) -> str:
    """The colour of a heat map at 0 to 1, ever darker."""
    middle = "#4D83B5"
    if share < 0.5:
        return mixed_colour(_LIGHT, middle, 2 * max(share, 0.0))
    return mixed_colour(middle, _DEEP, 2 * min(share, 1.0) - 1)


def mixed_colour(one: str, other: str, part: float) -> str:
    """The colour that lies so far (0 to 1) on the way from one to the other."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in pairs)


def lightness(colour: str) -> float:
    """How light a colour looks in grey, CIELAB L*: 0 is black, 100 is white."""
    linear = [_linear_light(channel / 255) for channel in _channels(colour)]
    light = sum(w * c for w, c in zip((0.2126729, 0.7151522, 0.0721750), linear, strict=True))
    return 116 * light ** (1 / 3) - 16 if light > 216 / 24389 else light * 24389 / 27


def ink_on_colour(colour: str) -> str:
    """The colour of words on a ground of that colour."""
    return INK if lightness(colour) > 51 else BACKGROUND


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def _linear_light(channel: float) -> float:
    """A channel of sRGB as an amount of light."""
    return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)
