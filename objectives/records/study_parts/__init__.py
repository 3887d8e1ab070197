"""Parts of what a study says of itself, as its attributes keep them."""
