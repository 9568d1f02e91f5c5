"""The command `gpudict`: what can't be done is one sentence, and a terminal gets colours."""

from __future__ import annotations

import pytest

from gpudict.tools import cli


@pytest.mark.parametrize("name", ["torch", "cupy", "jax"])
def test_a_missing_library_is_one_sentence(name, capsys, monkeypatch, tmp_path):
    find = cli.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == name else find(n))
    status = cli.main(["demo", "--backend", name, "--output", str(tmp_path / "x.png")])
    said = capsys.readouterr().err
    assert status == 1
    assert said.count("\n") == 1
    assert f"needs {name}, which is not installed. Install it with: python -m pip install" in said


def test_a_missing_extra_is_one_sentence(capsys, monkeypatch):
    find = cli.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == "rich" else find(n))
    assert cli.main(["demo"]) == 1
    assert "pip install rich matplotlib pillow" in capsys.readouterr().err


def test_a_wrong_device_is_one_sentence(capsys, tmp_path):
    pytest.importorskip("torch")
    arguments = ["--backend", "torch", "--device", "nowhere", "--output", str(tmp_path / "x.png")]
    assert cli.main(["demo", *arguments]) == 1
    said = capsys.readouterr().err
    assert "can't use the device nowhere" in said
    assert said.count("\n") == 1


def test_a_wrong_command_line(capsys):
    with pytest.raises(SystemExit):
        cli.main(["demo", "--n-components", "0"])
    assert "at least 1 is needed" in capsys.readouterr().err


def test_on_a_terminal_it_is_rich(monkeypatch, capsys):
    """Brackets in what a library says are no markup."""
    pytest.importorskip("rich")
    monkeypatch.setattr(cli.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    cli._show([("name", "array[0] [bold]is[/bold] [/wrong]"), ("longer name", "text")])
    said = capsys.readouterr().out
    assert "array[0] [bold]is[/bold] [/wrong]" in said
