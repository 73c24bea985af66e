from __future__ import annotations

import pickle

from globe_eval.models.response import Response
from globe_eval.sample import Sample, Truth, from_json, to_json


def test_half_a_surrogate_pair_is_the_same_escape_whichever_back_end_wrote_it() -> None:
    response = Response("Par\ud800is", error=None, finish_reason="stop")
    assert response == "Par\\ud800is" and pickle.loads(pickle.dumps(response)) == response
    assert Response(error="no \udfff").error == "no \\udfff"
    sample = Sample.of("a", Truth(48.85, 2.35), response)
    assert from_json(Sample, to_json(sample)) == sample
