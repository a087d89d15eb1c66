"""The radio, slow and obvious: one link at a time, no arrays."""

from math import exp


def load_loss(positions, silent, receiver, sender, reach, share, others):
    """Probability that CSMA loses a message, counting senders one by one."""
    at_receiver = at_sender = hidden = 0
    for car, position in enumerate(positions):
        if silent[car]:
            continue
        near_receiver = abs(position - positions[receiver]) <= reach
        near_sender = abs(position - positions[sender]) <= reach
        at_receiver += near_receiver
        at_sender += near_sender
        hidden += near_receiver and not near_sender
    far = min(abs(positions[receiver] - positions[sender]) / (2 * reach), 1.0)
    busy = (at_receiver + others) * share
    if busy <= 1.0:
        goes_out, waiting = 1.0, busy
    else:
        goes_out, waiting = 1.0 / busy, 1.0
    no_clash = 1.0 - waiting * (1.0 - exp(-waiting / 16))
    no_hidden = exp(-2.0 * share * (hidden + others * far))
    return 1.0 - goes_out * no_clash * no_hidden


def slot_lost(positions, silent, slots, receiver, sender, reach):
    """Whether somebody else whom the receiver can hear, or the receiver itself, sends in the sender's slot."""
    for car, position in enumerate(positions):
        if car == sender or silent[car] or slots[car] != slots[sender]:
            continue
        if abs(position - positions[receiver]) <= reach:
            return True
    return False


def slot_collisions(positions, silent, slots, reach):
    """Pairs of cars that send within range of each other in one slot."""
    found = 0
    for one in range(len(positions)):
        for other in range(one):
            is_near = abs(positions[one] - positions[other]) <= reach
            found += is_near and not silent[one] and not silent[other] and slots[one] == slots[other]
    return found


def newest(flights, now):
    """Of (sent, arrival) pairs, when the newest that has arrived was sent; None: nothing has."""
    arrived = [sent for sent, arrival in flights if arrival <= now]
    return max(arrived, default=None)
