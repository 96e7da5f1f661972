"""Layers in PyTorch: cells over time, the framework's own, dense ones, stacks, convolutions."""
