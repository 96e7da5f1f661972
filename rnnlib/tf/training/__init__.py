"""Training in TensorFlow: losses, the loop, checkpoints."""
