"""Where latencies are measured: on this machine, or on a board at the other end of a line; one contract."""
