"""Cooperative level of service: what a vehicle proposes to its group, and what it may do once all have proposed.

Time is cut into rounds. In each, every member of a group says which level its own rules admit (`propose`); at the end
all may have the lowest that was said, but only those who heard every member (`close`). Who missed one needs no
cooperation from then on, and proposes no more than that in the next round: so whoever did hear all falls with it one
round later, and no two members act on different levels for longer than one round. [Morales-Ponce, Schiller & Falcone
2014: cooperation with disagreement correction; Casimiro et al. 2014]

    proposal <- base                     where a member was missed in the round before, else the own level, from base on
    agreed   <- lowest of all proposals  where all were heard, else base

All arrays are (row,), a row is one vehicle.
"""

import numpy as np

from karyon.kernel.runtime import Booleans, Levels


class CooperativeLevel:
    """What each row has agreed to. Whatever comes in, the result is a level from `base` to what the row proposed."""

    def __init__(self, rows: int, base: int) -> None:
        """`base` is the highest level that needs no cooperation; at first nothing has been heard."""
        self._base = np.int8(base)
        self.agreed: Levels = np.full(rows, self._base)
        self.missed: Booleans = np.ones(rows, dtype=np.bool_)
        self._proposal: Levels = np.full(rows, self._base)

    def propose(self, admitted: Levels) -> Levels:
        """What each row says in the round that begins; `admitted` by its own rules, `cooperation` left out of them."""
        self._proposal = np.where(self.missed, self._base, np.maximum(self._base, admitted))
        return self._proposal

    def close(self, complete: Booleans, lowest: Levels) -> Levels:
        """The level that each row has agreed to, from now to the end of the next round.

        complete   every member of the row's group was heard in this round, and none contradicts another
        lowest     of what they proposed
        """
        lowest = np.maximum(self._base, np.minimum(self._proposal, lowest))
        self.agreed = np.where(complete, lowest, self._base)
        self.missed = ~complete
        return self.agreed

    def forget(self, who: Booleans) -> None:
        """Rows that begin anew: nothing has been heard."""
        self.agreed = np.where(who, self._base, self.agreed)
        self.missed = self.missed | who
