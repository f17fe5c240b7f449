"""Video files, opened, indexed and decoded with PyAV, or with decord where it is proven exact. No stills."""
