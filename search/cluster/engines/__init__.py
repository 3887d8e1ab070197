"""Engines that start workers: processes here, Ray, Dask, Slurm; one contract."""
