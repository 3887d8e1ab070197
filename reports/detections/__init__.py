"""A trial's detections on its validation images: matched with the labels, counted, and the images to look at."""
