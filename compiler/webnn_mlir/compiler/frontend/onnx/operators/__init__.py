"""The operators: one row, or one small function, each. A module here registers what it holds when it is imported."""

import importlib
import pkgutil

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")
