"""What the tests share: where the golden sets lie, and the command beside the extension."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Beside the checkout; a checkout alone has none.
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "golden"


@pytest.fixture(scope="session")
def golden():
    """The folder of golden sets."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def no_foreign_profiles(tmp_path_factory):
    """No profile of this user or machine has a say."""
    empty = tmp_path_factory.mktemp("profiles")
    os.environ["SCALETUNE_PROFILES"] = str(empty)
    os.environ["XDG_DATA_HOME"] = str(empty)
    return empty


@pytest.fixture(scope="session")
def command():
    """The `scaletune` command that the wheel brings."""
    beside = Path(sys.prefix) / "bin" / "scaletune"
    found = str(beside) if beside.exists() else os.environ.get("SCALETUNE_COMMAND") or shutil.which("scaletune")
    if found is None:
        pytest.skip("no `scaletune` command in this environment")

    def run(*words):
        outcome = subprocess.run([found, *map(str, words)], capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stderr
        return outcome

    return run


def rows(path):
    """The rows of a table with a header."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def document(path):
    """A JSON file."""
    return json.loads(Path(path).read_text())
