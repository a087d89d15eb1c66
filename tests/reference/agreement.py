"""The agreement of a group once more, slow and obvious: one vehicle, sets and dictionaries. Oracle for
`karyon.cooperation.agreement` and `karyon.kernel.cooperative`, from the words of safety-model.md §1.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Message:
    proposal: int
    head: bool
    view: frozenset[int]
    echo: Any  # all that was heard in the round before, or None


@dataclass
class Vehicle:
    name: int
    base: int
    leave: int
    rest: int
    known: set[int] = field(default_factory=set)
    heads: set[int] = field(default_factory=set)
    silent: dict[int, int] = field(default_factory=dict)
    missed: bool = True
    agreed: int = 0
    echo: Any = None
    echoing: set[int] = field(default_factory=set)
    resting: int = 0
    proposal: int = 0
    head: bool = False

    def __post_init__(self):
        self.begin()

    def begin(self):
        """Nothing is known but itself."""
        self.known, self.heads, self.silent = {self.name}, set(), {}
        self.missed, self.agreed, self.echo, self.resting = True, self.base, None, 0

    def group(self, heads):
        """Names run from front to back: from the head at or ahead of this one, up to the next one behind."""
        first = max((one for one in heads & self.known if one <= self.name), default=min(self.known))
        behind = min((one for one in heads & self.known if one > self.name), default=max(self.known) + 1)
        return frozenset(one for one in self.known if first <= one < behind)

    def speak(self, admitted):
        self.head = admitted <= self.base
        self.proposal = self.base if self.missed else 127 if self.head else admitted
        self.view = self.group(self.heads)
        return Message(self.proposal, self.head, self.view, self.echo)

    def listen(self, came):
        """`came`: messages by the name of the sender."""
        now_heads = {one for one, message in came.items() if message.head} | ({self.name} if self.head else set())
        members = self.group(self.heads | now_heads)
        others = members - {self.name}
        all_spoke = all(one in came and came[one].view == self.view for one in others)
        echoes = [came[one].echo for one in self.echoing if one in came]
        if self.echo is not None and any(echo is not None and echo != self.echo for echo in echoes):
            self.resting = self.rest
        elif self.resting:
            self.resting -= 1
        said = {one: came[one].proposal for one in others if one in came} | {self.name: self.proposal}
        self.missed = not all_spoke or self.resting > 0
        self.agreed = self.base if self.missed or not others else max(self.base, min(said.values()))
        self.echo = (members, tuple(sorted(said.items()))) if all_spoke and others else None
        self.echoing = set(others)
        self.heads = (self.heads - set(came) - {self.name}) | now_heads
        for one in {*self.known, *came} - {self.name}:
            self.silent[one] = 0 if one in came else self.silent.get(one, 0) + 1
        self.known |= set(came)
        self.known = {one for one in self.known if one == self.name or one in came or self.silent[one] < self.leave}
        return self.agreed
