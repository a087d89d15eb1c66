"""Docstrings as the code has them, on pages: what is aligned in columns stays so, in a block of its own."""

import re
from typing import Any

import griffe

ALIGNED = re.compile(r"(\S+(?:,? \S+)*? {2,}\S| {3,}\S)")


class Aligned(griffe.Extension):
    """Fences the lines of a docstring that name something at their beginning, and explain it after some spaces."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of any object, once."""
        if obj.docstring and not obj.is_alias:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with a fence around each run of aligned lines; one that has sections of Google's style is left."""
    if re.search(r"^(Args|Attributes|Returns|Raises):$", text, re.MULTILINE):
        return text
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if bool(ALIGNED.match(line)) != inside:
            lines += ["```", ""] if inside else ["", "```text"]
            inside = not inside
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)
