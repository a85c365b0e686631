"""Scenarios: what inheritance and levers may not do silently."""

from pathlib import Path

import pytest

import mfa

SHIPPED = Path(__file__).parents[2] / "scenarios"


def test_a_lever_of_the_parent_is_not_applied_again(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "scenarios"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("raw", "__pycache__"))
    child = folder / "child.yaml"
    child.write_text("title: Child\ninherits: lfp_shift\nlevers: [lfp_in_cars]\n")
    with pytest.raises(mfa.MfaError) as error:
        mfa.read_scenario(child)
    assert str(error.value) == (
        f"{child}:3:10: lever 'lfp_in_cars' is named twice (first in 'lfp_shift', which is inherited)"
    )
