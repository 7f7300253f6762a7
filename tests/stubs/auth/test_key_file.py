from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.key_file import HomeError, KeyFileError, data_folder, load_signing_key
from orgbilling_stubs.auth.keys import SigningKey, generate_key


@pytest.fixture
def planted(tmp_path: Path, key: SigningKey) -> Path:
    """A key file as it should be."""
    path = tmp_path / "keys" / "signing.jwk"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps(key.jwk()))
    return path


def test_the_first_use_makes_a_key_that_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "home"
    first = load_signing_key(folder)
    assert load_signing_key(folder) == first
    path = folder / "keys" / "signing.jwk"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["signing.jwk"]


def test_the_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_signing_key(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "signing.jwk").stat().st_mode) == 0o600


@pytest.mark.slow
def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    script = "import sys,pathlib; from orgbilling_stubs.auth.key_file import load_signing_key; "
    script += "print(load_signing_key(pathlib.Path(sys.argv[1])).kid)"
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in started}) == 1
    assert all(process.returncode == 0 for process in started)


def test_the_second_writer_does_not_replace_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process is done between our look and our write."""
    other = generate_key()

    def late() -> SigningKey:
        monkeypatch.setattr(key_file, "generate_key", lambda: other)
        assert load_signing_key(tmp_path) == other
        return generate_key()

    monkeypatch.setattr(key_file, "generate_key", late)
    assert load_signing_key(tmp_path) == other


def test_a_file_system_without_links_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: object, _target: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    assert load_signing_key(tmp_path) == load_signing_key(tmp_path)
    assert os.listdir(tmp_path / "keys") == ["signing.jwk"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: object, _target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(KeyFileError, match="no space left on device"):
        load_signing_key(tmp_path)
    assert os.listdir(tmp_path / "keys") == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_file_that_lets_others_in_is_refused(planted: Path, mode: int) -> None:
    planted.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:o} lets others in; run: chmod 600"):
        load_signing_key(planted.parent.parent)


def test_a_folder_that_lets_others_in_is_refused(planted: Path) -> None:
    planted.parent.chmod(0o755)
    with pytest.raises(KeyFileError, match="mode 755 lets others in; run: chmod 700"):
        load_signing_key(planted.parent.parent)


def test_another_users_file_is_refused(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: planted.stat().st_uid + 1)
    with pytest.raises(KeyFileError, match="belongs to another user"):
        load_signing_key(planted.parent.parent)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "-----BEGIN", '{"kty":"RSA"}', "\x00" * 99, " " * 99_999], ids=range(7)
)
def test_a_corrupt_file_is_refused_and_not_replaced(planted: Path, content: str) -> None:
    planted.write_text(content)
    with pytest.raises(KeyFileError, match="not a whole RSA-2048 key") as caught:
        load_signing_key(planted.parent.parent)
    assert caught.value.path == planted
    assert planted.read_text() == content


def test_a_file_cut_short_is_refused(planted: Path) -> None:
    planted.write_text(planted.read_text()[:-40])
    with pytest.raises(KeyFileError, match="not a whole RSA-2048 key"):
        load_signing_key(planted.parent.parent)


def test_a_link_is_not_followed(planted: Path, tmp_path: Path) -> None:
    planted.rename(tmp_path / "elsewhere")
    planted.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError):
        load_signing_key(tmp_path)


def test_what_is_not_a_file_is_refused(planted: Path, tmp_path: Path) -> None:
    planted.unlink()
    os.mkfifo(planted, 0o600)
    with pytest.raises(KeyFileError, match="not a regular file"):
        load_signing_key(tmp_path)
    planted.unlink()
    planted.mkdir()
    with pytest.raises(KeyFileError):
        load_signing_key(tmp_path)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="not a directory"):
        load_signing_key(tmp_path / "file")


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_home_that_cannot_be_written_to_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(key_file, "_create", refuse)
    with pytest.raises(HomeError, match="set ORGBILLING_HOME to a folder that can be written to"):
        load_signing_key(tmp_path)


def test_the_error_names_no_part_of_the_key(planted: Path, key: SigningKey) -> None:
    planted.write_text(json.dumps(key.jwk() | {"qi": "AQAB"}))
    with pytest.raises(KeyFileError) as caught:
        load_signing_key(planted.parent.parent)
    assert not any(value in repr(caught.value) for value in key.jwk().values() if len(value) > 4)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"HOME": "/u"}, "/u/.local/share/orgbilling"),
        ("linux", {"HOME": "/u", "XDG_DATA_HOME": "/x"}, "/x/orgbilling"),
        ("linux", {"HOME": "/u", "XDG_DATA_HOME": "x"}, "/u/.local/share/orgbilling"),
        ("linux", {"HOME": "/u", "ORGBILLING_HOME": "~/mine"}, "/u/mine"),
        ("darwin", {"HOME": "/u"}, "/u/Library/Application Support/orgbilling"),
        ("win32", {"HOME": "/u", "LOCALAPPDATA": "/l"}, "/l/orgbilling"),
        ("win32", {"HOME": "/u"}, "/u/AppData/Local/orgbilling"),
        ("linux", {"HOME": "/u", "ORGBILLING_HOME": "/mine"}, "/mine"),
    ],
)
def test_home_is_where_the_platform_wants_it(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "ORGBILLING_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert data_folder() == Path(expected)


def test_no_key_is_written_to_the_folder_that_a_command_starts_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORGBILLING_HOME", raising=False)
    monkeypatch.setenv("HOME", "somewhere")
    with pytest.raises(HomeError, match="not an absolute path"):
        data_folder()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("ORGBILLING_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(KeyFileError, match="set ORGBILLING_HOME"):
        data_folder()
