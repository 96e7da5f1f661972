"""Layers in TensorFlow: cells over time, the framework's own, dense ones, stacks, convolutions."""
