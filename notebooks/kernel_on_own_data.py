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
# # The kernel on data of your own
#
# No car, no simulator: the kernel, a design of yours, and a table of what your sensors said. Here a pump empties a tank
# by its level gauge; the data is made up, with a gauge that falls silent and one that begins to lie.

# %%
import numpy as np
import pandas as pd

from karyon.kernel import Design, Kernel

# %% [markdown]
# ## The design
#
# Level 0 must be safe with nothing: the tank drains by itself. Level 1 pumps, and needs a gauge that is valid and
# fresh.

# %%
design = Design.parse(
    {
        "name": "tank",
        "signals": {"tank.level": {"unit": "m"}},
        "functions": {
            "drain": {
                "levels": [
                    {"name": "drain by gravity"},
                    {
                        "name": "pump",
                        "dwell": "1 s",
                        "rules": [
                            "validity(tank.level) >= 0.9",
                            "age(tank.level) <= 500 ms",
                            "within(tank.level, 0.2 m, 4 m)",
                        ],
                    },
                ]
            }
        },
        "timing": {
            "perception_period": "100 ms",
            "kernel_period": "100 ms",
            "control_period": "100 ms",
            "kernel_execution": "1 ms",
            "actuator_delay": "0 s",
        },
    }
)

# %% [markdown]
# ## The data
#
# Two tanks side by side, as columns. NaN is a sample that did not come.

# %%
time = np.arange(200) / 10  # s
readings = pd.DataFrame({"left": 3.0 - 0.05 * time, "right": 2.0 - 0.02 * time}, index=pd.Index(time, name="time in s"))
readings.loc[8:12, "left"] = np.nan  # its wire is loose
validity = pd.DataFrame(1.0, index=readings.index, columns=readings.columns)
validity.loc[14:16, "right"] = 0.4  # a detector of yours has doubts

# %% [markdown]
# ## The cycle
#
# Each row of the kernel is a tank. Tell it what came, with the time of the measurement, and ask. What did not come is
# simply not told: the last sample grows old.

# %%
kernel = Kernel(design, rows=len(readings.columns))
measured = np.zeros(len(readings.columns), dtype=np.int64)
value, trust = np.full(len(readings.columns), np.nan), np.zeros(len(readings.columns))
levels, reasons = [], []
for number, instant in enumerate(readings.index):
    now = round(instant * 1e9)
    came = readings.iloc[number].notna().to_numpy()
    measured[came], value[came], trust[came] = now, readings.iloc[number][came], validity.iloc[number][came]
    kernel.seen.see("tank.level", value=value, time=measured, validity=trust)
    drain = kernel.step(now)["drain"]
    levels.append(drain.level.copy())
    for row in np.flatnonzero(drain.level != drain.previous):
        told = kernel.explain("drain", row, drain.previous[row], drain.level[row])
        reasons.append({"time": instant, "tank": readings.columns[row], "why": told})
pd.DataFrame(reasons)

# %%
level = pd.DataFrame(levels, index=readings.index, columns=readings.columns)
_ = level.plot(drawstyle="steps-post", ylabel="level of service", yticks=[0, 1], figsize=(8, 2.5), grid=True)

# %% [markdown]
# The silent gauge costs the level half a second after its last sample, the age limit; the doubted one at once. Service
# is back a second, the `dwell`, after all rules hold again.

# %%
assert level.left.loc[8.2] == 1
assert level.left.loc[8.6:12.9].max() == 0
assert level.right.loc[14.0:16.9].max() == 0
assert level.iloc[-1].tolist() == [1, 1]
