"""The machine that trials run on: files, locks, processes, cores, GPUs, memory, turns on a device."""
