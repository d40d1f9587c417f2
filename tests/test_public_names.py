import subprocess
import sys

import pytest

import paraclap


def test_the_public_names_are_sorted_and_unique() -> None:
    assert paraclap.__all__ == sorted(set(paraclap.__all__))


@pytest.mark.parametrize("name", paraclap.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(paraclap, name)

    assert value is not None
    assert getattr(value, "__name__", name) == name


def test_dir_lists_the_public_names() -> None:
    assert set(paraclap.__all__) <= set(dir(paraclap))


def test_a_star_import_brings_the_public_names_and_no_others() -> None:
    names: dict[str, object] = {}

    exec("from paraclap import *", names)

    assert names.keys() - {"__builtins__"} == set(paraclap.__all__)


def test_the_names_of_the_design_are_public() -> None:
    assert {"ParaClap", "ParaClapConfig", "ParaClapModel", "ParaClapProcessor"} <= set(paraclap.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'paraclap' has no attribute 'ParaClip'$"):
        _ = paraclap.ParaClip
    assert not hasattr(paraclap, "__wrapped__")


def test_importing_the_package_loads_nothing_but_itself() -> None:
    code = "import sys, paraclap; print(*sorted({name.partition('.')[0] for name in sys.modules}))"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "paraclap" in printed.split()
    assert not {"torch", "transformers", "pandas", "numpy", "soundfile", "typer"} & set(printed.split())
