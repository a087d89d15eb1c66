"""YAML files as plain data in which every key and value knows its place, and the faults of a bad file.

    load, compose, setting     a file, a text, a `--set PATH=VALUE` as a Document
    merged                     one Document over another
    Fault, InputError, report  what is wrong, where, and what to do about it

A file is refused with everything that is wrong in it. What it holds is untrusted: no tag is read, and size, nesting and
what aliases expand to are bounded.
"""

import difflib
import re
import unicodedata
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

Keys = tuple[str | int, ...]  # where a value is in the data: ("faults", 0, "onset")

BYTES_MAX = 500_000
DEPTH_MAX = 64
VALUES_MAX = 50_000  # after aliases are expanded
SHOWN_MAX = 20  # faults of one input that are shown
OPTION_MAX = 60  # characters of an option by which a fault calls it
EXCERPT_MAX = 110  # columns of a source line that are shown

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
INTEGER = re.compile("[-+]?[0-9]{1,40}")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
ANCHOR = re.compile(r"&\S+\s*")
SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPE = re.compile(r"\\U([0-9A-Fa-f]{8})")
ONE_INDENTATION = "fields of one mapping share one indentation"
SYNTAX = {  # part of what the parser says: what we say, and what to do
    "mapping values are not allowed": ("a `:` where no field can begin", f"quote a text with `: `; {ONE_INDENTATION}"),
    "sequence entries are not allowed": ("a list cannot begin here", "put each `- ` on a line of its own"),
    "could not find expected ':'": ("a field without `:`", "a field is `name: value`"),
    "but found '<block": ("the indentation of this line fits no line above", ONE_INDENTATION),
    "expected <block end>": ("unexpected text after a value", ""),
    "expected '<document start>'": ("unexpected text after the end", ONE_INDENTATION),
    "expected ',' or": ("expected `,` or the closing bracket", ""),
    "expected the node content": ("expected a value", ""),
    "while scanning a quoted scalar": ("a text in quotation marks does not end", ""),
    "found character '\\t'": ("a tab where a value should begin", "use spaces"),
    "cannot start any token": ("a value cannot begin with this character", "quote it"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `str()` is what the user sees, without a line break at its end.

    where          file or option, as the user knows it
    line, column   from 1; None where there is no text to point at
    width          columns that are underlined
    message, hint  what is wrong; what to do about it, may be empty
    excerpt        the line of text, or what of a long one is around the fault
    skipped        columns of the line before the excerpt
    """

    where: str
    line: int | None
    column: int | None
    width: int
    message: str
    hint: str = ""
    excerpt: str = ""
    skipped: int = 0

    def __str__(self) -> str:
        at = "" if self.line is None else f":{self.line}:{self.column}"
        head = printable(f"{self.where}{at}: error: {self.message}")
        if self.column is None or not self.excerpt:
            return head + (f"\n     = {printable(self.hint)}" if self.hint else "")
        text, start = printable(self.excerpt), self.column - 1 - self.skipped
        margin = f"{'' if self.line is None else self.line:>4}"
        caret = " " * columns(text[:start]) + "^" * max(1, columns(text[start : start + self.width]))
        return f"{head}\n{margin} | {text}\n{' ' * max(5, len(margin) + 1)}| {caret} {printable(self.hint)}".rstrip()


class InputError(Exception):
    """Bad input: all of its faults."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        hidden = len(self.faults) - SHOWN_MAX
        shown = [str(fault) for fault in self.faults[:SHOWN_MAX]]
        return "\n".join(shown + ([f"... and {hidden} more"] if hidden > 0 else []))


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """The faults in the order of files and lines, each once."""
    return sorted(dict.fromkeys(faults), key=lambda fault: (fault.where, fault.line or 0, fault.column or 0))


def report(faults: Sequence[Fault], outcome: str) -> str:
    """All faults and a last line such as `2 errors, nothing was run`."""
    return f"{InputError(faults)}\n{len(faults)} error{'s' if len(faults) != 1 else ''}, {outcome}"


@dataclass(frozen=True)
class Source:
    """A text that is pointed into. `where` names it; `lead` is shown before it (an option's name) and not parsed."""

    where: str
    text: str
    lead: str = ""

    @cached_property
    def starts(self) -> list[int]:
        """Offset of each line."""
        return [0, *(match.end() for match in re.finditer("\r\n|\r|\n", self.text))]

    def fault(self, start: int, end: int, message: str, hint: str = "") -> Fault:
        """A fault of text[start:end]; what is underlined ends with the line, or with what is shown of it."""
        number = bisect_right(self.starts, start)
        first, last = self._line(number)
        shown = max(first, start - EXCERPT_MAX // 2) if last - first > EXCERPT_MAX else first
        shown_end = min(last, shown + EXCERPT_MAX)
        before, after = self.lead if shown == first else "…", "…" if shown_end < last else ""
        column = len(self.lead) + start - first + 1
        return Fault(
            self.where,
            None if self.lead else number,
            column,
            max(1, min(end, shown_end) - start),
            message,
            hint,
            before + self.text[shown:shown_end] + after,
            skipped=column - 1 - len(before) - (start - shown),
        )

    def _line(self, number: int) -> tuple[int, int]:
        """Where a line begins and ends, its line break left out."""
        first = self.starts[number - 1]
        last = self.starts[number] if number < len(self.starts) else len(self.text)
        while last > first and self.text[last - 1] in "\r\n":
            last -= 1
        return first, last


@dataclass(frozen=True, slots=True)
class Place:
    """text[start:end] of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The text of this place."""
        return self.source.text[self.start : self.end]

    def fault(self, message: str, hint: str = "") -> Fault:
        """A fault of this place."""
        return self.source.fault(self.start, self.end, message, hint)


@dataclass(frozen=True)
class Document:
    """Plain data (dict with str keys, list, str, int, float, bool, None) and the places of its keys and values.

    What stands behind an alias has the place of the alias.
    """

    data: Any
    keys: dict[Keys, Place]
    values: dict[Keys, Place]

    def at(self, path: Keys) -> Any:
        """The value at `path`; None where there is none."""
        value = self.data
        for key in path:
            keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
            value = value[key] if key in keys else None
        return value

    def replaced(self, path: Keys, value: object) -> "Document":
        """This document with another value at `path`, of which all but the last step are mappings that are there."""
        data = value
        for depth in range(len(path) - 1, -1, -1):
            data = self.at(path[:depth]) | {path[depth]: data}
        return Document(data, self.keys, self.values)

    def without(self, path: Keys, names: Collection[str]) -> "Document":
        """This document without these fields of the mapping at `path`, and without the places of what they hold."""
        gone = {(*path, name) for name in names}
        kept = {name: value for name, value in self.at(path).items() if name not in names}
        whole = self.replaced(path, kept)
        keys, values = (
            {at: place for at, place in places.items() if at[: len(path) + 1] not in gone}
            for places in (self.keys, self.values)
        )
        return Document(whole.data, keys, values)

    def place(self, path: Keys) -> Place:
        """Place of the value at `path`, or of the innermost value around it that has one."""
        return next(self.values[path[:depth]] for depth in range(len(path), -1, -1) if path[:depth] in self.values)

    def place_of_key(self, path: Keys) -> Place:
        """Place of the key of the value at `path`; in a list, of the value."""
        return self.keys.get(path) or self.place(path)


def load(path: Path) -> Document:
    """The YAML 1.2 document in the file. Raises InputError."""
    return compose(read(path))


def read(path: Path) -> Source:
    """The text of a file: UTF-8, at most BYTES_MAX bytes. Raises InputError."""
    where = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Fault(where, None, None, 0, f"cannot be read: {reason.lower()}")]) from None
    if len(raw) > BYTES_MAX:
        raise InputError([Fault(where, None, None, 0, f"is larger than {BYTES_MAX} bytes")])
    try:
        return Source(where, raw.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        if b"\0" in raw and not raw.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
            raise InputError([Fault(where, None, None, 0, "is no text file")]) from None
        text = raw.decode("utf-8", errors="replace")
        at = len(raw[: error.start].decode("utf-8"))
        message = f"not UTF-8: found byte 0x{raw[error.start]:02x}"
        raise InputError([Source(where, text).fault(at, at + 1, message, "save the file as UTF-8")]) from None


def compose(source: Source, begin: int = 0) -> Document:
    """The document in `source` from offset `begin` on. Raises InputError."""
    if bad := UNPRINTABLE.search(source.text):
        message = f"the character U+{ord(bad[0]):04X} has no place in a text file"
        raise InputError([source.fault(bad.start(), bad.end(), message, "remove it")])
    composer = _Composer(source, begin, values={(): Place(source, begin, len(source.text))})
    try:
        for event in YAML(typ="safe", pure=True).parse(source.text[begin:]):
            composer.take(event)
    except MarkedYAMLError as error:
        raise InputError([composer.syntax_fault(error)]) from None
    except (YAMLError, ValueError, OverflowError) as error:
        raise InputError([composer.escape_fault(error)]) from None
    if composer.faults:
        raise InputError(composer.faults)
    return Document(composer.data, composer.keys, composer.values)


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end is not read yet."""

    data: dict[str, Any] | list[Any]
    path: Keys
    anchor: str | None
    start: int
    size: int = 1
    key: str | None = None  # of a mapping: what waits for its value

    def next_path(self) -> Keys:
        return (*self.path, len(self.data) if isinstance(self.data, list) else self.key or "")


@dataclass
class _Composer:
    """Builds the data from parser events, without recursion. (ruamel's composer recurses and expands without bound.)"""

    source: Source
    begin: int
    data: Any = None
    keys: dict[Keys, Place] = field(default_factory=dict)
    values: dict[Keys, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)  # data, and how many values it holds
    documents: int = 0
    reached: int = 0  # offset up to which the text is taken

    def take(self, event: Any) -> None:
        """One event of the parser. Raises InputError where it makes no sense to go on."""
        self.reached = self.begin + event.end_mark.index
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise InputError([self._place(event).fault("a second document starts here", "one file, one document")])
        elif isinstance(event, CollectionEndEvent):
            self._close(event)
        elif isinstance(event, NodeEvent):
            self._node(event)

    def syntax_fault(self, error: MarkedYAMLError) -> Fault:
        """What the parser complains of, where it noticed; of what has no end or no colon, where it began."""
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        began = "end of stream" in said or "expected ':'" in said
        mark = error.context_mark if began else error.problem_mark
        at = self.begin + mark.index if mark else self.reached
        plain = " ".join((error.problem or said).split())
        message, hint = next((words for symptom, words in SYNTAX.items() if symptom in said), (plain, ""))
        return self.source.fault(at, at + 1, f"not YAML: {message}", hint)

    def escape_fault(self, error: Exception) -> Fault:
        """What the parser stumbles over without saying where: an escape beyond the last character."""
        for found in ESCAPE.finditer(self.source.text, self.reached):
            if int(found[1], 16) >= 0x110000:
                return self.source.fault(found.start(), found.end(), "not YAML: this escape names no character")
        return self.source.fault(self.reached, self.reached, f"not YAML: {' '.join(str(error).split())}")

    def _place(self, event: Any) -> Place:
        return Place(self.source, self.begin + event.start_mark.index, self.begin + event.end_mark.index)

    def _place_of_node(self, event: NodeEvent) -> Place:
        """Without its anchor. Of a field without a value its key, as the parser's mark is in a later line."""
        place = self._place(event)
        if place.start == place.end and self.stack and not self._waits_for_key():
            return self.keys.get(self.stack[-1].next_path(), place)
        anchor = ANCHOR.match(place.text)
        return Place(place.source, place.start + anchor.end(), place.end) if anchor else place

    def _node(self, event: NodeEvent) -> None:
        place = self._place_of_node(event)
        if getattr(event, "tag", None):
            self.faults.append(place.fault(f"tags are not read, found {quoted(place.text)}", "write the value without"))
        if SURROGATE.search(getattr(event, "value", "")):
            self.faults.append(place.fault("an escape in this text names no character"))
        if isinstance(event, CollectionStartEvent):
            self._open(event, place)
        elif self._waits_for_key():
            self._key(event, place)
        elif isinstance(event, AliasEvent):
            self._alias(event, place)
        elif isinstance(event, ScalarEvent):
            value = resolved(event.value) if event.style is None else event.value
            self._put(value, 1, place, event.anchor)

    def _waits_for_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].data, dict) and self.stack[-1].key is None

    def _key(self, event: NodeEvent, place: Place) -> None:
        if not isinstance(event, ScalarEvent):
            raise InputError([place.fault("the name of a field is a plain word, found an alias")])
        top = self.stack[-1]
        top.key = event.value
        path = top.next_path()
        if path in self.keys:
            first = self.keys[path].fault("").line
            said = "" if first is None else f"it is given in line {first} already"
            self.faults.append(place.fault(f"{quoted(event.value)} is given twice", said))
        self.keys[path] = place

    def _open(self, event: CollectionStartEvent, place: Place) -> None:
        if self._waits_for_key():
            raise InputError([place.fault("the name of a field is a plain word", "did you forget to quote it?")])
        if len(self.stack) == DEPTH_MAX:
            raise InputError([place.fault(f"nested deeper than {DEPTH_MAX}")])
        path = self.stack[-1].next_path() if self.stack else ()
        self.stack.append(_Open({} if isinstance(event, MappingStartEvent) else [], path, event.anchor, place.start))

    def _close(self, event: CollectionEndEvent) -> None:
        done = self.stack.pop()
        self._put(done.data, done.size, Place(self.source, done.start, self._place(event).end), done.anchor)

    def _alias(self, event: AliasEvent, place: Place) -> None:
        if event.anchor not in self.anchors:
            inside = any(outer.anchor == event.anchor for outer in self.stack)
            raise InputError(
                [place.fault(f"{quoted(place.text)} {'contains itself' if inside else 'names no anchor'}")]
            )
        value, size = self.anchors[event.anchor]
        self._put(value, size, place, None)

    def _put(self, value: Any, size: int, place: Place, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if not self.stack:
            self.data, self.values[()] = value, place
            return
        top = self.stack[-1]
        top.size += size
        if top.size > VALUES_MAX:
            raise InputError([place.fault(f"more than {VALUES_MAX} values", "aliases are counted expanded")])
        self.values[top.next_path()] = place
        if isinstance(top.data, list):
            top.data.append(value)
        elif top.key is not None:
            top.data[top.key] = value
            top.key = None


def resolved(text: str) -> Any:
    """Value of a plain scalar in YAML 1.2's core schema, decimal numbers only: `yes` is a text, `1e309` infinite."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text)
    return float(text.lower().replace(".", "")) if INFINITE.fullmatch(text) else text


def setting(option: str, prefix: Keys) -> Document:
    """The option `PATH=VALUE` as a document that holds VALUE (YAML) at `prefix`, its PATH. Raises InputError."""
    source = option_source("--set", option)
    value = nested(compose(source, option.index("=") + 1), prefix)
    start = 0
    for depth, key in enumerate(prefix):
        value.keys[prefix[: depth + 1]] = Place(source, start, start + len(str(key)))
        start += len(str(key)) + 1
    return value


def option_source(name: str, value: str) -> Source:
    """The text of an option of the command line, such as `--seed 7`."""
    line = " ".join(value.split())
    return Source(f"{name} {line if len(line) <= OPTION_MAX else line[:OPTION_MAX] + '…'}", value, f"{name} ")


def nested(document: Document, prefix: Keys) -> Document:
    """A document that holds this one at `prefix`."""
    data, whole = document.data, document.values[()]
    for key in reversed(prefix):
        data = {key: data}
    keys = {(*prefix, *path): place for path, place in document.keys.items()}
    values = {(*prefix, *path): place for path, place in document.values.items()}
    return Document(data, keys, {prefix[:depth]: whole for depth in range(len(prefix))} | values)


def merged(base: Document, over: Document) -> Document:
    """`over` laid on `base`: mappings merge, everything else of `base` that `over` names is replaced.

    A mapping whose names are places in a list, counted from 0, is laid on those entries of the list.
    A merged mapping or list keeps the place that it has in `base`.
    """
    over = _with_places(base.data, over)
    replaced: set[Keys] = set()

    def laid(below: Any, above: Any, path: Keys) -> Any:
        if isinstance(below, list) and isinstance(above, dict) and above and above.keys() <= set(range(len(below))):
            return [laid(each, above[at], (*path, at)) if at in above else each for at, each in enumerate(below)]
        if not (isinstance(below, dict) and isinstance(above, dict)):
            replaced.add(path)
            return above
        common = {key: laid(below[key], above[key], (*path, key)) for key in below.keys() & above.keys()}
        return below | above | common

    def kept(places: dict[Keys, Place]) -> dict[Keys, Place]:
        return {path: at for path, at in places.items() if not any(path[:n] in replaced for n in range(len(path) + 1))}

    data = laid(base.data, over.data, ())
    return Document(data, over.keys | kept(base.keys), over.values | kept(base.values))


def _with_places(below: Any, over: Document) -> Document:
    """`over` with the names of entries of a list, such as "1", as places in it: 1."""
    renamed: dict[Keys, Keys] = {}

    def read(below: Any, above: Any, path: Keys, new: Keys) -> Any:
        renamed[path] = new
        if not isinstance(above, dict):
            return above
        if isinstance(below, list) and all(name.isdecimal() and int(name) < len(below) for name in above):
            return {
                int(name): read(below[int(name)], each, (*path, name), (*new, int(name)))
                for name, each in above.items()
            }
        known = below if isinstance(below, dict) else {}
        return {name: read(known.get(name), each, (*path, name), (*new, name)) for name, each in above.items()}

    def new(path: Keys) -> Keys:
        depth = next(depth for depth in range(len(path), -1, -1) if path[:depth] in renamed)
        return renamed[path[:depth]] + path[depth:]

    data = read(below, over.data, (), ())
    keys, values = ({new(path): at for path, at in places.items()} for places in (over.keys, over.values))
    return Document(data, keys, values)


def suggestion(misspelt: str, names: Iterable[str]) -> str:
    """The nearest of `names`, or nothing where the nearest is far-fetched."""
    return next(iter(difflib.get_close_matches(misspelt[:80], names, n=1, cutoff=0.7)), "")


def shortened(text: str, longest: int = 40) -> str:
    """`text` in one line; of a long one the beginning, and how long it is."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 10]}… ({len(line)} characters)"


def quoted(name: object) -> str:
    """A name as a message shows it."""
    return f"`{shortened(str(name))}`"


def dotted(path: Keys) -> str:
    """A path as a message shows it: `faults[0].onset`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{shortened(key)}" for key in path)
    return text.removeprefix(".")


def printable(text: str) -> str:
    """`text` with a harmless sign for each control character: a file must not drive the terminal."""
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in text)


def columns(text: str) -> int:
    """Columns that `text` takes in a terminal."""
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)
