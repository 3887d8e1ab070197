"""Workers on the command line: a search that starts them on a cluster, their process, and the list of them."""
