"""From samples to batches: order, augmentation, threads. Knows no file format."""
