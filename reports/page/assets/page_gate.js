// The bounds of the gate, to be dragged: what would still pass.
