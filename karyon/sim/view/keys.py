"""What each key and button does: one table, which the window follows and the help shows."""

from dataclasses import dataclass

import pygame

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # times as fast as it was


@dataclass(frozen=True, slots=True)
class Key:
    """A command of the window: its name, the keys that give it, how these are called, and what it does."""

    command: str
    codes: tuple[int, ...]
    called: str
    does: str


KEYS = (
    Key("pause", (pygame.K_SPACE,), "Space", "play, or pause"),
    Key("step", (pygame.K_RIGHT, pygame.K_PERIOD), "→", "one instant on"),
    Key("back", (pygame.K_LEFT, pygame.K_COMMA), "←", "one instant back"),
    Key("later", (pygame.K_PAGEDOWN,), "Page down", "10 s on"),
    Key("earlier", (pygame.K_PAGEUP,), "Page up", "10 s back"),
    Key("begin", (pygame.K_HOME,), "Home", "to the beginning"),
    Key("end", (pygame.K_END,), "End", "to the end of what there is"),
    Key("next", (pygame.K_n,), "N", "to the next fault, switch or violation"),
    Key("previous", (pygame.K_b,), "B", "to the one before"),
    Key("faster", (pygame.K_RIGHTBRACKET, pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS), "+", "faster, up to 50×"),
    Key("slower", (pygame.K_LEFTBRACKET, pygame.K_MINUS, pygame.K_KP_MINUS), "−", "slower, down to 0.1×"),
    Key("ahead", (pygame.K_UP,), "↑", "select the car ahead"),
    Key("behind", (pygame.K_DOWN,), "↓", "select the car behind"),
    Key("follow", (pygame.K_f,), "F", "follow the selected car, or let it go"),
    Key("fit", (pygame.K_0, pygame.K_KP0), "0", "show all cars, or those nearby"),
    Key("nearer", (pygame.K_z,), "Z", "nearer; or turn the mouse wheel"),
    Key("farther", (pygame.K_x,), "X", "farther"),
    Key("left", (pygame.K_a,), "A", "move the view back; or drag the road"),
    Key("right", (pygame.K_d,), "D", "move the view on"),
    Key("fault", (pygame.K_i,), "I", "inject a fault into the selected car (live)"),
    Key("dark", (pygame.K_l,), "L", "light or dark"),
    Key("larger", (pygame.K_t,), "T", "size of the text: 1, 1.25, 1.5 or 2"),
    Key("help", (pygame.K_QUESTION, pygame.K_SLASH, pygame.K_F1, pygame.K_h), "?", "show or hide this"),
    Key("quit", (pygame.K_q,), "Q", "close; what has run is kept"),
)
MOUSE = (
    ("click a car", "select it"),
    ("drag the bar", "go to a time"),
    ("Esc", "close what lies above the picture"),
)
COMMANDS = {code: key.command for key in KEYS for code in key.codes}


def faster(speed: float) -> float:
    """The next speed above."""
    return next((each for each in SPEEDS if each > speed), SPEEDS[-1])


def slower(speed: float) -> float:
    """The next speed below."""
    return next((each for each in reversed(SPEEDS) if each < speed), SPEEDS[0])
