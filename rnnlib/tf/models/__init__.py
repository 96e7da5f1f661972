"""Whole models in TensorFlow: embedding, recurrent layers, a head."""
