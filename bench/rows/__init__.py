"""Groups of rows: every module here with a `ROWS` list takes part, in the order of the file names."""
