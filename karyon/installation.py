"""`karyon doctor`: what is installed, and what would be used."""

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from karyon import __version__

NEEDED = ("numpy", "simpy", "pydantic", "ruamel.yaml", "typer", "rich", "pyarrow", "scipy")
EXTRAS = {
    "fast": ("numba",),
    "view": ("pygame", "matplotlib", "imageio-ffmpeg"),
    "hil": ("paho-mqtt", "amqtt", "msgspec", "segno"),
    "cam": ("pycrate",),
    "commonroad": ("commonroad-io",),
    "flight": ("pyproj",),
    "report": ("jinja2", "weasyprint", "dd", "cryptography"),
    "cluster": ("distributed",),
    "search": ("cma",),
}
CPU = Path("/proc/cpuinfo")
NO_BROKER = "none: pip install 'karyon[hil]'"


def examine() -> dict[str, Any]:
    """Versions of KARYON, Python and the packages (null: not installed), the display, the broker."""
    return {
        "karyon": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": {name: _version(name) for name in NEEDED},
        "extras": {extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()},
        "display": _display(),
        "broker": "embedded" if _version("amqtt") else "mosquitto" if shutil.which("mosquitto") else None,
    }


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"karyon {found['karyon']}   Python {found['python']}   {found['machine']}"
    yield "packages   " + "  ".join(f"{name} {version or 'MISSING'}" for name, version in found["packages"].items())
    for extra, names in found["extras"].items():
        absent = [name for name, version in names.items() if version is None]
        ready = "  ".join(f"{name} {version}" for name, version in names.items())
        yield f"{extra:8}   " + (f"not installed: pip install 'karyon[{extra}]'" if absent else ready)
    yield f"display    {found['display'] or 'none: pictures are written to files'}"
    yield f"broker     {found['broker'] or NO_BROKER}"


def machine() -> str:
    """What measures: processor, cores, Python and what computes, in one line."""
    cores = f"{_processor()}, {os.cpu_count()} cores"
    numba = _version("numba")
    with_what = f"NumPy {_version('numpy')}, " + (f"numba {numba}" if numba else "without numba")
    return f"{cores}, Python {platform.python_version()}, {with_what}"


def _processor() -> str:
    named = [line for line in CPU.read_text().splitlines() if line.startswith("model name")] if CPU.exists() else []
    return named[0].partition(":")[2].strip() if named else platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _display() -> str | None:
    return os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or os.environ.get("SDL_VIDEODRIVER")
