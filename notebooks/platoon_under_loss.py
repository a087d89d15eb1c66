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
# # A platoon under loss
#
# Five cars drive half a second apart as long as all of them agree to it. The radio loses more and more messages: how
# much service is left, and does it stay safe?

# %%
import numpy as np
import pandas as pd

import karyon

LOSSES = (0.0, 0.2, 0.4, 0.6, 0.8)  # share of messages, on each link by itself
SEEDS = range(3)


def runs(loss):
    """Three runs side by side; each has the bits that it has alone."""
    settings = {"vehicles": 5, "radio.loss": loss}
    return karyon.batch([karyon.load("platoon", settings, seed=seed, until=25) for seed in SEEDS])


outcome = {loss: runs(loss) for loss in LOSSES}

# %% [markdown]
# ## What is left of the service
#
# The share of time on each level, and the mean gap in time.


# %%
def mean(loss, measure):
    """Of the three runs."""
    return np.mean([measure(run.summary) for run in outcome[loss]])


table = pd.DataFrame(
    {
        f"LoS {level}": {
            loss: mean(loss, lambda s, level=level: s["functions"]["acc"]["los_share"][str(level)]) for loss in LOSSES
        }
        for level in range(4)
    }
)
table.index.name = "loss"
axes = table.plot.bar(
    stacked=True, figsize=(8, 3), color=["#8c2d04", "#e8963c", "#a9cfe6", "#5b8db8"], ylabel="share of time"
)
_ = axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

# %%
table["time gap in s"] = [mean(loss, lambda s: s["mean_time_gap"]) for loss in LOSSES]
table["delivered"] = [mean(loss, lambda s: s["metrics"]["delivery_ratio"]) for loss in LOSSES]
table["smallest RSS margin in m"] = [min(run.summary["min_rss_margin"] for run in outcome[loss]) for loss in LOSSES]
table["rounds of disagreement"] = [
    max(run.summary["functions"]["acc"]["worst_disagreement"] for run in outcome[loss]) for loss in LOSSES
]
table.round(2)

# %% [markdown]
# Losses cost service: cars fall to levels that need no agreement, and drive further apart. They cost no safety, and no
# two cars act on different levels for longer than one round.

# %%
assert table["LoS 3"].is_monotonic_decreasing
assert (table["smallest RSS margin in m"] > 0).all()
assert (table["rounds of disagreement"] <= 1).all()
