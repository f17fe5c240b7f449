"""Video files: opened, indexed and decoded by PyAV, or by decord where it is proven exact."""
