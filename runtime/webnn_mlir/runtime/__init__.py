"""The runtime: loading artifacts and running them."""
