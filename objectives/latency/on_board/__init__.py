"""The program on a board: one line of work in, lines of JSON out, and nothing left running when the line breaks."""
