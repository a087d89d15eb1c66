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
# # How wrong may the radar be?
#
# An offset of the measured distance, from harmless to absurd, in forty runs side by side: as one batch, each with the
# bits that it has alone. It tells when the kernel lets an error pass, how soon it switches where it does not, and what
# the same error does to a car without a kernel.

# %%
import numpy as np
import pandas as pd

import karyon

AMPLITUDES = np.linspace(0.25, 10.0, 40)  # m: the car ahead seems further away than it is


def runs(**settings):
    """One run per amplitude: the fault lasts from 20 s to 35 s, behind the shipped recording."""
    fault = {"vehicle": 1, "signal": "front.distance", "mode": "offset", "onset": 20, "duration": 15}
    return karyon.batch(
        [
            karyon.load(
                "acc_recorded", {"duration": 50, "faults": [fault | {"amplitude": amplitude}]} | settings, seed=7
            )
            for amplitude in AMPLITUDES
        ]
    )


with_kernel, without = runs(), runs(**{"kernel.enabled": False})

# %% [markdown]
# What each run measured stands in its summary. Below the 1.5 m that car following tolerates nothing is bad, so there is
# nothing that must be switched, and no latency; but a jump of half a metre is no noise, and the kernel does not wait.

# %%
measured = pd.DataFrame(
    {
        "amplitude": AMPLITUDES,
        "latency": [run.summary["functions"]["acc"]["worst_switch_latency"] for run in with_kernel],
        "bound": [run.summary["functions"]["acc"]["switch_bound"] for run in with_kernel],
        "margin": [run.summary["min_rss_margin"] for run in with_kernel],
        "margin without": [run.summary["min_rss_margin"] for run in without],
        "downgraded": [
            any(event["kind"] == "los" and event["to"] < event["from"] for event in run.events) for run in with_kernel
        ],
    }
).set_index("amplitude")
measured.iloc[::5].round(2)

# %% [markdown]
# The RSS margin is the gap beyond the safe distance: with the kernel it stays above 0 whatever the error.

# %%
axes = measured[["margin", "margin without"]].plot(ylabel="smallest RSS margin in m", xlabel="offset in m", grid=True)
axes.axvline(1.5, color="grey", linestyle=":")
_ = axes.annotate("tolerated", (1.5, axes.get_ylim()[0]), rotation=90, va="bottom", ha="right", color="grey")

# %%
first = measured.index[measured.downgraded].min()
print(f"the kernel leaves LoS 2 from an offset of {first:.2f} m on")
print(f"worst latency {measured.latency.max():.2f} s, bound {measured.bound.max():.3f} s")
assert (measured.latency <= measured.bound).all()
assert (measured.margin >= 0.0).all()
