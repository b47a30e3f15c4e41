"""Python modules of dialects that the bindings have none for, or one that takes long to import, by namespace.

The bindings look for a dialect's module whenever they hand out one of its ops, and look again each time they find
none, which is most of the time of a pass.
"""

from iree.compiler.dialects._ods_common import _cext

_cext.globals.dialect_search_modules = [__name__, *_cext.globals.dialect_search_modules]
