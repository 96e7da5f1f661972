"""Cells in TensorFlow, a file a family: one step, written as in the chapter."""
