"""The fixture of an object store, for all tests."""

import pytest

from objects import ENVIRONMENT, served


@pytest.fixture
def objects(monkeypatch):
    """An object store on loopback that ``s3://bucket/...`` leads to."""
    with served() as found:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": found.endpoint}.items():
            monkeypatch.setenv(name, value)
        yield found
