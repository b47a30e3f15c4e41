"""Measuring on this machine what a module's choices give: `search` decides, `bench` measures, `report` tells."""
