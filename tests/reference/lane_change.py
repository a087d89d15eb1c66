"""The lane change protocol in one run, car by car, as one would tell it: slow, and nothing in arrays."""

from dataclasses import dataclass, field

PATIENCE, HOLD, OFFSET = 5, 30, 1


@dataclass
class Car:
    """What a car remembers: its request, who has granted it, and whom it has granted."""

    name: int
    number: int = 0
    since: int = 0
    deadline: int = 0
    until: int = 0
    asked: frozenset = frozenset()
    got: set = field(default_factory=set)
    state: str = "idle"  # idle, asks, reserved
    grant: tuple | None = None  # to whom, number, until

    def ask(self, now, since, asked):
        if self.state != "idle" or self.grant:
            return
        self.number += 1
        self.since, self.deadline, self.until = since, now + PATIENCE, now + HOLD
        self.asked, self.got, self.state = frozenset(asked), set(), "asks"
        self.check(now)

    def check(self, now):
        if self.state == "asks" and self.asked <= self.got and now <= self.deadline:
            self.state = "reserved"

    def release(self):
        self.state = "idle"

    def words(self):
        """What it says: its request, and its grant."""
        return {
            "number": self.number,
            "asks": self.state != "idle",
            "since": self.since,
            "until": self.until,
            "asked": self.asked,
            "grant": self.grant and self.grant[:2],
        }

    def listen(self, now, heard, is_free):
        """`heard`: words by name of the sender."""
        if (self.state == "asks" and now > self.deadline) or (self.state != "idle" and now >= self.until):
            self.state = "idle"
        if self.grant and now >= self.grant[2]:
            self.grant = None
        if self.grant and self.grant[0] in heard:
            words, number = heard[self.grant[0]], self.grant[1]
            if words["number"] > number or (words["number"] == number and not words["asks"]):
                self.grant = None
        if self.state == "asks" and now <= self.deadline:
            self.got |= {name for name, words in heard.items() if words["grant"] == (self.name, self.number)}
            self.check(now)
        asking = [
            (words["since"], name)
            for name, words in heard.items()
            if words["asks"] and self.name in words["asked"] and words["until"] > now
        ]
        if self.state == "asks":
            asking = [one for one in asking if one < (self.since, self.name)]
        if asking and is_free and self.state != "reserved" and not self.grant:
            chosen = min(asking)[1]
            words = heard[chosen]
            self.grant = chosen, words["number"], min(words["until"], now + HOLD) + OFFSET
            if self.state == "asks":
                self.state = "idle"
