"""From stream to training set: images taken in, chosen, handed over, labelled, and versions of the data set."""
