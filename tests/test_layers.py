import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import paraclap

SOURCES = Path(paraclap.__file__).parent
LAYERS = {
    **dict.fromkeys(["errors", "records", "registration", "version"], 0),
    **dict.fromkeys(["audio", "cache_file", "storage"], 1),
    **dict.fromkeys(["corpora", "features", "queries"], 2),
    "models": 3,
    "inference": 4,
    **dict.fromkeys(["evaluation", "index"], 5),
    "training": 6,
    "service": 7,
    "cli": 8,
    "__main__": 9,
}
ROOT = "paraclap"  # its __init__ may import anything, lazily; nothing may import it: names have homes
TORCH_FREE = ("audio", "corpora", "features", "queries", "evaluation")
HEAVY = ("torch", "transformers", "opensmile", "lancedb", "gradio", "ray", "pandas", "sklearn")


def modules_in(sources: Path) -> dict[str, Path]:
    """Map dotted names below the package, such as "corpora.rows", to their files."""
    names = {path: path.relative_to(sources).with_suffix("").parts for path in sorted(sources.rglob("*.py"))}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in names.items()}


def imports_of(path: Path, sources: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of whatever a file imports: at its top, in functions, under TYPE_CHECKING."""
    package = (ROOT, *path.relative_to(sources).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package[: len(package) - level + 1] if level else ()
                base = ".".join([*parents, *([module] if module else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield node.lineno, first.value


def broken_layers(sources: Path) -> list[str]:
    """Say which imports point up or sideways."""
    broken = []
    for module, path in modules_in(sources).items():
        room = module.partition(".")[0]
        if room and room not in LAYERS:
            broken.append(f"{path.relative_to(sources)}: {room!r} has no layer; give it one in tests/test_layers.py")
        if room not in LAYERS:
            continue
        for line, imported in imports_of(path, sources):
            if imported.split(".")[0] != ROOT:
                continue
            target = imported.split(".")[1] if imported.count(".") else ""
            place = f"{path.relative_to(sources)}:{line}: {room} (layer {LAYERS[room]}) imports {imported}"
            if target == room:
                continue
            if target not in LAYERS:
                broken.append(f"{place} from the package itself; import it from the module that holds it")
            elif LAYERS[target] > LAYERS[room]:
                broken.append(f"{place}, which is above it (layer {LAYERS[target]})")
            elif LAYERS[target] == LAYERS[room]:
                broken.append(f"{place}, which is its neighbour; imports point down only")
    return broken


def torch_imports(sources: Path) -> list[str]:
    """Say which modules that must do without torch import it anywhere."""
    return [
        f"{path.relative_to(sources)}:{line}: {module} must do without torch and imports {imported}"
        for module, path in modules_in(sources).items()
        if module.partition(".")[0] in TORCH_FREE
        for line, imported in imports_of(path, sources)
        if imported.split(".")[0] in ("torch", "torchaudio", "transformers")
    ]


def loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the heavy modules that it loaded."""
    report = f"{code}\nimport sys; print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def make_sources(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_imports_point_down_only() -> None:
    assert not broken_layers(SOURCES), "\n".join(["imports that break the layers:", *broken_layers(SOURCES)])


def test_what_is_below_the_models_and_evaluation_do_without_torch() -> None:
    assert not torch_imports(SOURCES), "\n".join(torch_imports(SOURCES))


def test_what_is_below_the_models_and_evaluation_load_no_torch_by_detours() -> None:
    modules = [f"paraclap.{name}" for name in modules_in(SOURCES) if name.partition(".")[0] in TORCH_FREE]
    assert len(modules) > 20

    assert not loaded_by(f"import {', '.join(modules)}") & {"torch", "transformers"}


def test_what_a_fresh_interpreter_loads_is_seen() -> None:
    assert loaded_by("import pandas") == {"pandas"}


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {
        str(p.relative_to(SOURCES)): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES.rglob("*.py")
    }

    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_every_module_says_in_its_docstring_what_it_is_for() -> None:
    silent = [m for m, path in modules_in(SOURCES).items() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]

    assert silent == []


def test_the_command_line_loads_nothing_heavy() -> None:
    assert loaded_by("import paraclap.cli") == set()


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "classify --help", "corpus --help", "captions --help", "probe fit --help"]
)
def test_help_loads_nothing_heavy(arguments: str) -> None:
    code = f"""
import sys
from paraclap.cli import main
sys.argv = ['paraclap', *{arguments.split()!r}]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""
    assert loaded_by(code) == set()


IMPORTS_UP = "from paraclap.models import x"
VIOLATIONS = {
    "at the top": IMPORTS_UP,
    "as a module": "import paraclap.models.towers as towers",
    "in a function": f"def f():\n    {IMPORTS_UP}",
    "under TYPE_CHECKING": f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {IMPORTS_UP}",
    "as a package's name": "from paraclap import models",
    "relatively": "from ..models import x",
    "by import_module": "import importlib\nimportlib.import_module('paraclap.models')",
}


@pytest.mark.parametrize("how", VIOLATIONS)
def test_an_import_that_points_up_is_found(tmp_path: Path, how: str) -> None:
    sources = make_sources(tmp_path, {"corpora/layout.py": VIOLATIONS[how], "models/__init__.py": ""})

    (broken,) = broken_layers(sources)

    assert broken.startswith("corpora/layout.py:")
    assert "corpora (layer 2) imports paraclap.models" in broken
    assert broken.endswith("which is above it (layer 3)")


def test_an_import_of_a_neighbour_is_found(tmp_path: Path) -> None:
    sources = make_sources(tmp_path, {"audio/reading.py": "from paraclap import storage", "storage.py": ""})

    assert broken_layers(sources) == [
        "audio/reading.py:1: audio (layer 1) imports paraclap.storage, which is its neighbour; imports point down only"
    ]


def test_an_import_of_the_package_itself_is_found(tmp_path: Path) -> None:
    sources = make_sources(tmp_path, {"cli/classify.py": "from paraclap import ParaClap"})

    assert broken_layers(sources) == [
        "cli/classify.py:1: cli (layer 8) imports paraclap.ParaClap from the package itself; "
        "import it from the module that holds it"
    ]


def test_a_module_without_a_layer_is_found(tmp_path: Path) -> None:
    sources = make_sources(tmp_path, {"utils.py": ""})

    assert broken_layers(sources) == ["utils.py: 'utils' has no layer; give it one in tests/test_layers.py"]


def test_imports_that_are_fine_are_left_alone(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from paraclap.inference import ParaClap",
        "audio/reading.py": "from paraclap.audio.bounds import x\nfrom .bounds import y\nimport numpy, paraclapton",
        "cli/app.py": "from paraclap.inference import ParaClap\nfrom paraclap import storage\nimport paraclap.errors",
    }
    sources = make_sources(tmp_path, files)

    assert broken_layers(sources) == []


@pytest.mark.parametrize("name", ["corpora/layout.py", "queries/__init__.py", "evaluation/retrieval.py"])
def test_torch_where_it_must_not_be_is_found(tmp_path: Path, name: str) -> None:
    sources = make_sources(tmp_path, {name: "def f():\n    import torch.nn", "inference/run.py": "import torch"})

    (found,) = torch_imports(sources)

    assert found.endswith("must do without torch and imports torch.nn")
