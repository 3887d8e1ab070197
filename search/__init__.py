"""How a space is explored: command line, settings, store, sampler, pruner, budget, runner, export."""
