"""Laws of car following that do harm, for some leaders."""

import os
import time

import numpy as np


class Harmful:
    """Drives on, unless the car ahead goes at just this speed (m/s): then it does harm."""

    def __init__(self, time_gap, standstill=2.0):
        self.time_gap = time_gap

    def acceleration(self, seen, command, response, step):
        if (np.abs(seen.front_speed - 13.0) < 0.3).any():
            self.harm()
        return np.zeros_like(seen.speed)

    def harm(self):
        raise NotImplementedError


class Hanging(Harmful):
    """Goes on forever."""

    def harm(self):
        while True:
            time.sleep(0.01)


class Killing(Harmful):
    """Takes its process with it."""

    def harm(self):
        os._exit(3)
