"""Cells over time with gradients derived by hand, in PyTorch: faster than the loop, equal to it."""
