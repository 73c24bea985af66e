from __future__ import annotations

import gc

import pytest

from globe_eval.collector import without_collector


def test_the_collector_is_as_it_was() -> None:
    for was in (gc.enable, gc.disable):
        was()
        before = gc.isenabled()
        with pytest.raises(KeyError), without_collector():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == before
    gc.enable()
