"""The journal of a pipeline: facts in a database, what they come to, and the images of the stream."""
