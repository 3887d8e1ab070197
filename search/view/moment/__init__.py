"""A search at this moment, as the store has it: what of its budget is used, how long it will go on, what is paused."""
