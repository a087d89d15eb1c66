"""How far the simulation's models are from recordings: the numbers that safety cases quote under `models`.

python -m tests.evidence.credibility      of the recordings in the folder that KARYON_DATA names
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

import karyon
from karyon.sim.channel import replay
from karyon.sim.recordings import read

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[3] / "shared/data"))
QUADRATIC = 5, 2  # samples on each side, degree: what is left of such a fit is noise


LONGEST = 300.0  # s of each drive
DRIVES = sorted((DATA / "openacc_zalazone").glob("*.csv*"))


def leaders():
    """Highest speed (m/s) of the recorded leaders, and their hardest braking over a second (m/s²)."""
    speeds, braking = [], []
    for leader in map(read, DRIVES):
        each = np.interp(np.arange(0.0, min(leader.time[-1], LONGEST), 0.1), leader.time, leader.speed)
        speeds.append(each.max())
        braking.append((each[:-10] - each[10:]).max())
    return max(speeds), max(braking)


def follower(paths):
    """The simulated car behind the first recorded one, against the recorded car that follows it, with its own ACC.

    Returns root mean square of the difference of their speeds (m/s).
    """
    squares = []
    for path in paths:
        leader, table = read(path), pd.read_csv(path, skiprows=5)
        start = np.flatnonzero(table["Speed1"] == leader.speed[0])[0]
        follows = table.iloc[start:].dropna(subset=["Speed2"])
        end = min(leader.time[-1], LONGEST)
        trace = karyon.run(karyon.load("acc_recorded", {"leader.recording": str(path)}, until=float(end))).trace()
        own = trace[(trace["vehicle"] == 1) & (trace["time"] >= 10.0)]
        recorded = np.interp(own["time"], follows["Time"] - table["Time"][start], follows["Speed2"])
        squares.append((own["speed"].to_numpy() - recorded) ** 2)
    return np.sqrt(np.concatenate(squares).mean())


def noise(value):
    """Standard deviation of what a moving quadratic leaves, corrected for what it takes along."""
    half, degree = QUADRATIC
    steps = np.arange(-half, half + 1)
    fit = np.linalg.pinv(np.vander(steps, degree + 1))[-1]  # weights of the samples in the value at the middle
    left = value[half:-half] - np.convolve(value, fit[::-1], "valid")
    return left.std() / np.sqrt(1.0 - fit[half])


def radar():
    """Noise of distance (m) and relative speed (m/s), median over tracks of a production radar, and their range."""
    table = pd.read_csv(DATA / "comma2k19_radar/radar.csv")
    found, ranges = [], []
    for _, track in table.groupby("track_address"):
        for _, piece in track.groupby((track["new_track"] > 0).cumsum()):
            if len(piece) >= 60:
                found.append([noise(piece[name].to_numpy()) for name in ("forward_m", "rel_speed_mps")])
                ranges.append(piece["forward_m"].agg(["min", "max"]))
    low, high = np.array(ranges).T
    return *np.median(found, axis=0), low.min(), high.max(), len(found)


def wheel():
    """Noise of the speed on the bus (m/s)."""
    table = pd.read_csv(DATA / "comma2k19_radar/speed.csv")
    return noise(table["speed_mps"].to_numpy()), table["speed_mps"].max()


def delays():
    """Messages that take longer than 0.3 s and longest delay (s), by recording, of messages over a public network."""
    for path in sorted((DATA / "cicv5g_delay").glob("*.csv")):
        delay = pd.read_csv(path)["delay_ms"].to_numpy() / 1000.0
        yield path.stem, np.median(delay), (delay > 0.3).mean(), delay.max()


def losses():
    """Share of lost messages, and how many are lost in a row on average: recorded, and if each came by itself."""
    lost = replay.losses(DATA / "lora_v2i_loss/Reid-SF7-13dBm-Receiver.csv").astype(bool)
    starts = np.count_nonzero(lost[1:] & ~lost[:-1]) + int(lost[0])
    share = lost.mean()
    return share, lost.sum() / starts, 1.0 / (1.0 - share)


if __name__ == "__main__":
    print(f"follower: RMS of speed {follower(DRIVES):.3f} m/s")
    print("leaders: up to {:.2f} m/s, braking {:.2f} m/s2".format(*leaders()))
    print("radar: {:.3f} m, {:.3f} m/s; from {:.1f} to {:.1f} m, {} tracks".format(*radar()))
    print("wheel: {:.4f} m/s, up to {:.1f} m/s".format(*wheel()))
    for each in delays():
        print("delay: {} median {:.3f} s, over 0.3 s {:.4f}, longest {:.2f} s".format(*each))
    print("losses: share {:.3f}, in a row {:.2f}, by itself {:.2f}".format(*losses()))
