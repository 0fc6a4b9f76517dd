"""Importers: files that other tools recorded, as exchanges.

What a format does not know is said and not invented; what is no call of the Messages API is left out, with the reason. To add
a format: write its module with a `Format`, and put it into the table in `importing`.
"""

from streamlab.files.importers.importing import FORMATS, Imported, import_file

__all__ = ["FORMATS", "Imported", "import_file"]
