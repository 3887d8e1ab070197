"""Published weights as files: a folder of the user's, a cache with hashes, and hubs that fill it."""
