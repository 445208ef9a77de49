"""Generated pages say what the code says."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "reference.py"


def test_the_generated_reference_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("reference", SCRIPT)
    assert spec
    assert spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert reference.stale() == [], "run scripts/reference.py"
