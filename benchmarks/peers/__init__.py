"""Those who are measured against: plain PyTorch, written as one writes it."""
