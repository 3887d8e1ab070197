"""What a page carries with it: plotly, and large data, in gzip."""
