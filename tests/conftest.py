"""Where real recordings are, and how hypothesis runs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

settings.register_profile("karyon", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("karyon")


@pytest.fixture(scope="session")
def recordings_folder() -> Path:
    """The folder of real recordings; the test is skipped where there is none, but in CI it must be present."""
    folder = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"KARYON_DATA is {folder}, and there is nothing")
        pytest.skip(f"no real recordings in {folder}; KARYON_DATA names another folder")
    return folder
