"""Two deployable files on one frozen set of images: paired per image, with intervals and a verdict."""
