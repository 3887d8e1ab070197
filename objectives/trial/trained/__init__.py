"""What is made of weights that are trained already: their network, what stands beside it, and a carried detector."""
