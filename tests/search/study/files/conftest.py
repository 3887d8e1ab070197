"""Places for the files of studies: a folder, and a bucket of a real S3 server."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from s3_server import S3Server, s3_server


@pytest.fixture(scope="package")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a part of the bucket that nothing lies in; clients of this process find the server."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.bucket}/{uuid4().hex}"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=[pytest.mark.slow, pytest.mark.seconds])])
def artifacts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a place of each kind that is to be had here; nothing lies there."""
    if request.param == "folder":
        return tmp_path_factory.mktemp("artifacts").as_uri()
    found: str = request.getfixturevalue("bucket")
    return found
