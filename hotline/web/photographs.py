"""Photographs in a form of the staff: read and checked before the transaction is opened, for that takes its time."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from hotline.errors import Invalid
from hotline.ports import File
from hotline.services.files import files
from hotline.services.files.files import CheckedFile


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form() as form:
        yield form


SentForm = Annotated[FormData, Depends(_form)]


def checked(chosen: Sequence[File], *, field: str) -> tuple[CheckedFile, ...]:
    if len(chosen) > files.MOST_FILES:
        raise Invalid("Please add at most five files; there are {count}.", field=field, count=len(chosen))
    return tuple(files.check(file) for file in chosen)
