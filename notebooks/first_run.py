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
# # A first run, and its trace
#
# The radar of a car drifts. This runs the drive, reads what was recorded as a table, and shows when the kernel stopped
# believing the radar, and why.

# %%
import pandas as pd
from IPython.display import Image

import karyon

scenario = karyon.load("acc_radar_drift", until=55)
run = karyon.run(scenario)
pd.DataFrame(run.events).query("time > 30")[["time", "vehicle", "kind", "text"]]

# %% [markdown]
# ## The trace
#
# One row per vehicle and recorded instant. Of each signal there is what the sensor said, what was true (`_true`), how
# valid it was held to be, and how old it was.

# %%
trace = run.trace()
units = trace.attrs["units"]
car = trace[trace.vehicle == 1].set_index("time")
print(
    f"{len(trace)} rows, {len(trace.columns)} columns; the gap is in {units['gap']}, the command in {units['command']}"
)
car[["gap", "front.distance", "front.distance_validity", "los_acc"]].iloc[::100].round(2)

# %% [markdown]
# ## The error, the validity, the level
#
# The function tolerates an error of 1.5 m. Validity is gone before the error is as large, and with it the level.

# %%
seen = pd.DataFrame(
    {
        "error in m": car["front.distance"] - car["front.distance_true"],
        "validity": car["front.distance_validity"],
        "level of service": car.los_acc,
    }
)
axes = seen.loc[28:].plot(subplots=True, figsize=(8, 5), grid=True, xlabel="time in s", drawstyle="steps-post")
_ = axes[0].axhline(1.5, color="grey", linestyle=":")

# %%
doubted = seen.index[(seen["validity"] < 0.8) & (seen.index > 32)].min()
too_large = seen.index[seen["error in m"].abs() > 1.5].min()
print(f"doubted from {doubted:.1f} s on; the error is beyond 1.5 m from {too_large:.1f} s on")
assert doubted < too_large
assert run.summary["collisions"] == 0

# %% [markdown]
# ## The standard figure
#
# The same at a glance; `run.plot()` returns where the pictures are.

# %%
Image(next(path for path in run.plot() if path.suffix == ".png"))
