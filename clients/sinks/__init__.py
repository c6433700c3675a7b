"""Where received records go. A sink's note of each flush is kept as one with the cursor: no crash repeats a line."""
