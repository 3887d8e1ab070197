"""Devices of a study that another machine has: who joins asks the study's queue for latencies, who has one measures."""
