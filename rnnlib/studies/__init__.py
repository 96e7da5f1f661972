"""Long studies that chapters read: settings, one run, and the reading of what `benchmarks/` has recorded."""
