"""What studies of random runs of any kind share: each run in which something broke is told, with the command for it."""

import shlex
import sys

from karyon.sim.kinds import begin, read


def broken(scenario, batch, wrongs):
    """What went wrong, by `wrongs(summary)`, in each run of a batch in which anything did: seed, settings, and that."""
    loaded = [read(scenario, given, seed) for given, seed in batch]
    simulation = begin(loaded, [None] * len(loaded))
    simulation.run()
    for run, (given, seed) in enumerate(batch):
        if wrong := wrongs(simulation.metrics.summary(run)):
            yield seed, given, wrong


def replay(scenario, given, seed):
    """The command that runs it again."""
    words = ["karyon", "run", scenario, "--seed", str(seed)]
    return shlex.join([*words, *(word for setting in given for word in ("--set", setting))])


def study(scenario, batches, wrongs):
    """From the first to the last seed that the command line has, and an exit code: 1 where anything broke."""
    first, last = map(int, sys.argv[1:])
    count = 0
    for batch in batches(first, last):
        for seed, given, wrong in broken(scenario, batch, wrongs):
            count += 1
            print(f"{seed}: {'; '.join(wrong)}\n    {replay(scenario, given, seed)}", flush=True)
    print(f"{count} of {last - first} runs broke something")
    sys.exit(count > 0)
