"""Trials that a study is given before its sampler proposes any: the baseline, `start`, what published files carry."""
