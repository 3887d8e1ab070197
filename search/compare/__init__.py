"""What a line of `automl compare` asks for: two files, their data set, and how the comparison is judged and put out."""
