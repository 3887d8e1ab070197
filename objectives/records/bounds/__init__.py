"""What a gate may bound: quantities of a detector, one table of them, and a bound held against a figure."""
