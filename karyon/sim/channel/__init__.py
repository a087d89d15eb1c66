"""What the air does to messages: one model for each effect, which a scenario chooses in its `radio:` section.

    links      who may hear whom, as arrays (link,), and one transmission as the models see it
    models     path loss and fading, bursts, channel load, jamming, latency
    tdma       self-organising slots
    replay     measured delays and losses
    contract   what every model keeps, a user's own included
    fields     what a scenario may say of them

The channel that puts them together is `karyon.sim.radio`.
"""

from karyon.sim.channel.links import Air, LinkModel, Links

__all__ = ["Air", "LinkModel", "Links"]
