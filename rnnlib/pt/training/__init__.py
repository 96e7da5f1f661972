"""Training in PyTorch: losses, the loop, checkpoints."""
