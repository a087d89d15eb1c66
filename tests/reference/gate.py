"""The gate for messages once more, slow and obvious: one sender at one receiver, plain numbers, one list of what came.

Oracle for `karyon.cooperation.gate`, from the words of its docstring.
"""

from math import isfinite


class Sender:
    def __init__(self):
        self.sound = []  # (time, unwrapped or not, counter, place) of all sound messages
        self.contradictions = []
        self.disputes = []
        self.reserve, self.filled = 5.0, None

    def judge(self, now, message):
        reason = self._unsound(now, message)
        if reason:
            return reason
        time, counter, place = message["time"], message["counter"] % 65_536, message["place"]
        if self.sound and now - self.sound[-1][0] < 10_000:
            before_time, before_counter, before_place = self.sound[-1]
            steps = next(k for k in (0, 1, -1, "far") if k == "far" or (before_counter + k) % 65_536 == counter)
            if steps == "far":
                forward = (counter - before_counter) % 65_536
                steps = 1 if forward < 32_768 else -1
            if time == before_time and steps == 0:
                return "duplicate"
            if time <= before_time and steps <= 0:
                return "replayed"
            reach = 120.0 * abs(time - before_time) / 1000.0 + 30.0
            elsewhere = any(abs(a - b) > reach for a, b in zip(place, before_place, strict=True))
            if (time > before_time) != (steps > 0) or elsewhere:
                if self.contradictions and now - self.contradictions[-1] < 2000:
                    self.disputes.append(now)
                self.contradictions.append(now)
        self.sound.append((time, counter, place))
        if self.disputes and now - self.disputes[-1] < 2000:
            self._use(now, 0)
            return "collision"
        return "accepted" if self._use(now, 1) else "flooding"

    def _unsound(self, now, message):
        if message["size"] > 1400:
            return "oversized"
        if message["version"] != 2:
            return "wrong_version"
        if not all(map(isfinite, (*message["place"], message["speed"]))):
            return "no_position"
        if message["time"] > now + 10:
            return "future"
        if message["time"] < now - 1000 or message["time"] // 500 != message["round"]:
            return "replayed"
        return None

    def _use(self, now, count):
        if self.filled is not None:
            self.reserve = min(5.0, self.reserve + 20.0 * (now - self.filled) / 1000.0)
        self.filled = now
        let_in = self.reserve >= count
        self.reserve = max(self.reserve - count, -5.0)
        return let_in
