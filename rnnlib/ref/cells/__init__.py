"""Cells in NumPy, a file a family: `zeros`, `step` and `step_back`, with the equations' names."""
