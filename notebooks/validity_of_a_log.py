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
# # How valid is a recorded log?
#
# Cars with adaptive cruise control in file, each with its speed by GNSS, as the OpenACC recordings have them. Where
# `KARYON_DATA` names a folder with the real ones, one of these is judged, else the made-up one that comes along.

# %%
import os
from pathlib import Path

import numpy as np
import pandas as pd

import karyon
from karyon.sim.shipped import SHIPPED

recorded = Path(os.environ.get("KARYON_DATA", "")) / "openacc_zalazone/short_setting__handling_part45.csv.gz"
log = recorded if recorded.is_file() else SHIPPED / "recordings/made_up.csv"
validity = karyon.perceive(log, "openacc")
print(f"{log.name}: {len(validity)} rows, {validity.time.iloc[-1] - validity.time.iloc[0]:.0f} s")

# %% [markdown]
# ## What is doubted, and by whom
#
# A column of validities per signal, and one with the detectors that lowered them.

# %%
signals = [name.removesuffix("_validity") for name in validity.columns if name.endswith("_validity")]
pd.DataFrame(
    {
        "mean validity": [validity[f"{name}_validity"].mean() for name in signals],
        "share below 0.8": [(validity[f"{name}_validity"] < 0.8).mean() for name in signals],
        "longest silence in s": [validity[f"{name}_age"].replace(np.inf, np.nan).max() for name in signals],
        "detectors": [", ".join(sorted(set(validity[f"{name}_detectors"].dropna()) - {""})) for name in signals],
    },
    index=signals,
).round(3)

# %% [markdown]
# ## What would be found?
#
# Put a failure in, and see. Here the third car's speed jumps by 3 m/s for ten seconds, in the middle of the log.

# %%
middle = round((validity.time.iloc[-1] - validity.time.iloc[0]) / 2)
jump = {"signal": "Speed3", "mode": "offset", "onset": middle, "duration": 10, "amplitude": 3}
failing = karyon.perceive(log, "openacc", [jump])
around = failing.assign(time=failing.time - failing.time.iloc[0]).set_index("time").loc[middle - 10 : middle + 25]
axes = around.Speed3_validity.plot(drawstyle="steps-post", figsize=(8, 2.5), grid=True)
_ = axes.set(xlabel="time in s", ylabel="validity of the third speed", ylim=(0, 1.05))

# %% [markdown]
# It is doubted from the first sample on and believed again after the jump back; the other cars' speeds are judged as
# before.

# %%
during = around.loc[middle + 0.2 : middle + 9.8]
print(f"at most {during.Speed3_validity.max():.2f} during the jump, by {during.Speed3_detectors.iloc[0]}")
assert during.Speed3_validity.max() < 0.8
others = [name for name in validity.columns if not name.startswith("Speed3")]
pd.testing.assert_frame_equal(failing[others], validity[others])
