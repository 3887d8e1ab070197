"""Terms of a study: what must stay the same over its life, and studies that are forked under other terms."""
