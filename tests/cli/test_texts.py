"""The file of texts that a replay or a drill is given: what is no such file is told in one line."""

from pathlib import Path

import pytest

from hotline.__main__ import main
from hotline.cli.drill.texts import texts
from hotline.errors import HotlineError


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "has no column text_clean or text"),
        ("id,body\n1,路灯不亮\n", "has no column text_clean or text"),
        ("id,text\n1,路灯不亮\n".encode("gb18030"), "is not a CSV in UTF-8"),
        ("id,text\n1,路灯不亮\n", "holds 1 texts, 2 are wanted"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path: Path, content: str | bytes | None, told: str) -> None:
    file = tmp_path / "letters.csv"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(HotlineError, match=told) as refused:
        texts(2, file)

    assert str(refused.value).startswith(str(file))


def test_a_folder_is_no_file_of_texts(tmp_path: Path) -> None:
    with pytest.raises(HotlineError, match="Is a directory"):
        texts(1, tmp_path)


@pytest.mark.parametrize("words", [["--contacts", "0"], ["--agents", "0"], ["--units", "-1"]])
def test_nobody_and_nothing_make_no_drill(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["drill", *words])

    assert refused.value.code == 2
    assert f"argument {words[0]}: at least 1" in capsys.readouterr().err
