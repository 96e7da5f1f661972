"""Whole models in PyTorch: embedding, recurrent layers, a head."""
