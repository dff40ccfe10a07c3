"""PEP 517: maturin builds the extension; this lays the command and its plugins beside it first.

They go into the wheel's data: `bin/scaletune` and `lib/scaletune/engines` of the environment, where the command looks
for plugins. `SCALETUNE_BUILD_PROFILE=dev` builds everything without optimisation (for tests); `SCALETUNE_NO_COMMAND=1`
leaves the command out.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import maturin
from maturin import (  # noqa: F401 (hooks that are maturin's own)
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

PACKAGE = Path(__file__).resolve().parent.parent
DATA = PACKAGE / "scaletune.data"
PLUGINS = ["count", "em", "prune"]


def _profile():
    return os.environ.get("SCALETUNE_BUILD_PROFILE", "release")


def _place(source, target, mode):
    target.parent.mkdir(parents=True, exist_ok=True)
    strip = shutil.which("strip")
    if not strip or subprocess.run([strip, "-o", target, source]).returncode != 0:
        shutil.copyfile(source, target)
    target.chmod(mode)


def _lay_command():
    """Builds the command and its plugins into the data folder; without them where they are not wanted."""
    shutil.rmtree(DATA, ignore_errors=True)
    if os.environ.get("SCALETUNE_NO_COMMAND"):
        DATA.mkdir()
        return
    # The extension with them, though maturin builds it: so both builds ask for the same features, and share the rest.
    packages = ["scaletune", "scaletune-python"] + [f"scaletune-{name}" for name in PLUGINS]
    chosen = [part for package in packages for part in ("--package", package)]
    subprocess.run(["cargo", "build", "--profile", _profile(), *chosen], cwd=PACKAGE, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=PACKAGE, check=True, stdout=subprocess.PIPE
    )
    built = Path(json.loads(metadata.stdout)["target_directory"]) / {"dev": "debug"}.get(_profile(), _profile())
    _place(built / "scaletune", DATA / "scripts" / "scaletune", 0o755)
    for name in PLUGINS:
        file = f"libscaletune_{name}.so"
        _place(built / file, DATA / "data" / "lib" / "scaletune" / "engines" / file, 0o644)


def _settings(config_settings):
    settings = dict(config_settings or {})
    settings.setdefault("build-args", f"--profile {_profile()}")
    return settings


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _lay_command()
    return maturin.build_wheel(wheel_directory, _settings(config_settings), metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    _lay_command()
    return maturin.build_editable(wheel_directory, _settings(config_settings), metadata_directory)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    DATA.mkdir(exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, _settings(config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
