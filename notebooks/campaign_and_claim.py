# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A campaign and its claim
#
# One run shows that it can go well. A campaign runs a scenario many times with other faults, onsets and amplitudes, and
# says what that is worth: a rate, with its interval.

# %%
import json
from pathlib import Path

import pandas as pd

import karyon

# %% [markdown]
# ## The plan
#
# A plan names a scenario and what varies in it. In this one the leader brakes at some time, and the radar of the car
# behind drifts at some rate, or jumps by some amount. `sampling: random` makes each run an independent draw, which the
# interval below asks for.

# %%
plan = """
# The radar of a car that follows another one drifts, or jumps.
scenario: acc_profile
sampling: random
settings:
  duration: 20 s
  leader:
    speed: [[0 s, 25 m/s], [{between: [6 s, 12 s]}, 12 m/s]]
strata:
  - name: drifts
    settings:
      faults:
        - vehicle: 1
          signal: front.distance
          mode: drift
          rate: {between: [-3, 3]}
          onset: {between: [4 s, 12 s]}
          duration: 6 s
  - name: jumps
    settings:
      faults:
        - vehicle: 1
          signal: front.distance
          mode: offset
          amplitude: {between: [-20, 20]}
          onset: {between: [4 s, 12 s]}
          duration: 6 s
"""
_ = Path("plan.yaml").write_text(plan)

# %% [markdown]
# ## The runs
#
# They advance side by side, on as many cores as there are `--workers`. Run again, the command goes on where it stopped.

# %%
# !karyon campaign plan.yaml --runs 100 --seed 1 --workers 1 --out campaign

# %% [markdown]
# ## What it says
#
# 100 runs without a violation do *not* say that there is none: they say that the rate of violations, over these faults,
# is at most some percent.

# %%
campaign = json.loads(Path("campaign/campaign.json").read_text())
low, high = campaign["interval"]
print(
    f"{campaign['violations']} of {campaign['runs']} runs violated a safety goal: rate {low:.1%} to {high:.1%} (95 %)"
)
assert campaign["violations"] == 0
assert 0.03 < high < 0.04

# %% [markdown]
# ## Where it is tight
#
# A row per run. How close one comes to the safe distance hardly depends on the size of the error: as soon as the kernel
# sees it, the car keeps back.

# %%
runs = pd.read_parquet("campaign/runs.parquet")
colours = runs.fault_mode.map({"drift": "#0b5394", "offset": "#e8963c"})
axes = runs.plot.scatter("fault_amplitude", "min_rss_margin", c=colours, s=12, figsize=(8, 3), grid=True)
_ = axes.set(xlabel="rate of the drift in m/s (blue), size of the jump in m (orange)", ylabel="least RSS margin in m")

# %%
runs.sort_values("min_rss_margin")[["run", "fault_mode", "fault_amplitude", "fault_onset", "min_rss_margin"]].head(5)

# %% [markdown]
# ## The worst one, again
#
# Any run can be replayed, bit for bit, with its trace.

# %%
worst = int(runs.min_rss_margin.idxmin())
# !karyon replay campaign {worst} --out worst

# %%
again = karyon.read_run("worst")
assert again.summary["min_rss_margin"] == runs.min_rss_margin.min()
_ = (
    again.trace()
    .query("vehicle == 1")
    .plot("time", "gap", figsize=(8, 2), grid=True, xlabel="time in s", ylabel="gap in m")
)
