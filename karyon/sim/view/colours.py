"""The one table of colours: what a level of service, and all else, looks like in the window and in all figures.

Lightness rises with the level in even steps and hue goes from warm to cold, so that levels are told apart in grey print
and by the colour-blind, also where no digit is written on them. No other module has a colour of its own.
"""

from dataclasses import dataclass

Colour = tuple[int, int, int]


def _colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def css(colour: Colour) -> str:
    """`#rrggbb`, as matplotlib takes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they stand for.

    ground, panel, line, ink, faint   paper of the road and of everything else, rules, text, text that matters less
    road, marking                     asphalt, and what is painted on it
    levels, on_levels                 of each level of service from LoS 0 on, and what is written on it; above: the last
    no_level                          of a car that has none
    measured, told, valid             what a sensor says, what a message says and the car ahead does, how valid data is
    safe, danger, fault               RSS distance, what is wrong, time during which something fails
    chosen                            frame of the selected car
    """

    ground: Colour
    panel: Colour
    line: Colour
    ink: Colour
    faint: Colour
    road: Colour
    marking: Colour
    levels: tuple[Colour, ...]
    on_levels: tuple[Colour, ...]
    no_level: Colour
    measured: Colour
    told: Colour
    valid: Colour
    safe: Colour
    danger: Colour
    fault: Colour
    chosen: Colour


BRIGHT, DEEP = _colour("#ffffff"), _colour("#10181f")
LIGHT = Palette(
    ground=_colour("#f4f5f6"),
    panel=BRIGHT,
    line=_colour("#d3d8dd"),
    ink=_colour("#16202a"),
    faint=_colour("#5c6873"),
    road=_colour("#a7afb7"),
    marking=BRIGHT,
    levels=tuple(map(_colour, ("#7f2704", "#bb5a10", "#6fb0da", "#c9e3f2"))),
    on_levels=(BRIGHT, BRIGHT, DEEP, DEEP),
    no_level=_colour("#65707b"),
    measured=_colour("#9c1f6d"),
    told=_colour("#00755b"),
    valid=_colour("#66ac9d"),
    safe=_colour("#e2a33b"),
    danger=_colour("#c1121f"),
    fault=_colour("#f6dcd5"),
    chosen=_colour("#16202a"),
)
DARK = Palette(
    ground=_colour("#12171c"),
    panel=_colour("#1a2128"),
    line=_colour("#333d47"),
    ink=_colour("#e9eef2"),
    faint=_colour("#9aa7b3"),
    road=_colour("#39434d"),
    marking=_colour("#8b98a4"),
    levels=tuple(map(_colour, ("#ad3510", "#d07f2c", "#82bbe2", "#e3f1fa"))),
    on_levels=(BRIGHT, DEEP, DEEP, DEEP),
    no_level=_colour("#8b98a4"),
    measured=_colour("#ee7fc4"),
    told=_colour("#3fcfa4"),
    valid=_colour("#308a72"),
    safe=_colour("#c98f2e"),
    danger=_colour("#ff6b6b"),
    fault=_colour("#48272a"),
    chosen=BRIGHT,
)
OURS, THEIRS, OTHERS = map(_colour, ("#0b5394", "#b3310a", "#5f5f5f"))  # where systems are compared
GREY, SHADE = map(_colour, ("#b5b5b5", "#d9d9d9"))  # edges in figures, and where nothing is known
STATES = {  # fill and border of what a report says of a claim; told apart by the word beside them, too
    "good": (_colour("#e4f1e7"), _colour("#2c6e3f")),
    "open": (_colour("#fdf3d8"), _colour("#8a6100")),
    "bad": (_colour("#f9dcd6"), _colour("#9c2a10")),
    "": (_colour("#f3f5f7"), _colour("#5b6b7a")),
}
