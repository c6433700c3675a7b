"""What the adapters do beyond their ports, each alone."""
