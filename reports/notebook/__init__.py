"""Studies in notebooks: their tables as DataFrames, their pictures as Plotly figures."""
