"""Write the table of layers into ARCHITECTURE.md, from `testing/layers.py`."""

from scripts.measure.generated_sections import put_tables
from testing.layers import layer_table
from testing.project import ROOT

if __name__ == "__main__":
    put_tables(ROOT / "ARCHITECTURE.md", layer_table())
