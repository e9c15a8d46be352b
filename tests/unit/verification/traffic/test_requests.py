"""Made-up traffic: all that is meant to be valid is, all that is broken breaks the rule it says."""

from __future__ import annotations

import json
from collections import Counter
from statistics import median

import pytest

from app.validation.explain import violations
from app.validation.validator import enforce_openrtb26
from verification.errors import UsageError
from verification.traffic.breaches import BREACHES
from verification.traffic.http import Response
from verification.traffic.mix import CHANNELS, FORMATS, Mix
from verification.traffic.requests import CUT_SHORT, NOT_JSON, Planned, planned

pytestmark = pytest.mark.promise("valid")

SEEDS = range(1000)
VALID = Mix.parse("broken=0")
BROKEN = Mix.parse("broken=100")


@pytest.fixture(scope="module")
def valid() -> list[Planned]:
    """Return a valid request from each of a thousand seeds."""
    return [planned(seed, 0, VALID) for seed in SEEDS]


@pytest.fixture(scope="module")
def broken() -> list[Planned]:
    """Return a broken request from each of a thousand seeds."""
    return [planned(seed, 1, BROKEN) for seed in SEEDS]


class TestValid:
    """Accepted, and as in the wild."""

    def test_accepted_without_a_warning(self, valid: list[Planned]) -> None:
        """The validator finds nothing, soft rules included, and 202 is expected."""
        judge = enforce_openrtb26()
        for each in valid:
            assert list(judge(json.loads(each.body)).warnings) == []
            assert (each.status, each.rule, each.broken) == (202, "", "")

    def test_sizes(self, valid: list[Planned]) -> None:
        """Each has half a kilobyte to eight, half of them less than two and a half, some over 4."""
        sizes = sorted(len(each.body) for each in valid)
        assert sizes[0] >= 500
        assert sizes[-1] <= 8192
        assert 1200 < median(sizes) < 2500
        assert sizes[-10] > 4000

    def test_every_kind(self, valid: list[Planned]) -> None:
        """Every format comes on every channel that has it, as often as the mix says, roughly."""
        kinds = Counter(each.kind for each in valid)
        screen = {"banner on dooh", "video on dooh"}
        others = {f"{media} on {place}" for media in FORMATS for place in ("site", "app")}
        assert kinds.keys() == screen | others
        assert 400 < sum(n for kind, n in kinds.items() if kind.endswith("site")) < 500
        assert 60 < sum(n for kind, n in kinds.items() if kind.endswith("dooh")) < 140

    def test_kind_is_what_it_says(self, valid: list[Planned]) -> None:
        """A kind names the only media type and the only place of the request."""
        for each in valid:
            request = json.loads(each.body)
            media, _, place = each.kind.partition(" on ")
            assert {name for imp in request["imp"] for name in imp} & FORMATS.keys() == {media}
            assert request.keys() & CHANNELS.keys() == {place}

    def test_ids_differ(self) -> None:
        """No two requests of a run, nor of two runs, have the same id."""
        made = [planned(seed, number, VALID) for seed in range(5) for number in range(200)]
        assert len({json.loads(each.body)["id"] for each in made}) == 1000


class TestBroken:
    """Refused, for the one thing that is wrong."""

    def test_the_rule_is_the_one_that_is_broken(self, broken: list[Planned]) -> None:
        """The validator finds just that rule broken; bodies cut short are no JSON."""
        for each in broken:
            if each.broken == CUT_SHORT:
                with pytest.raises(ValueError, match="Expecting|Unterminated"):
                    json.loads(each.body)
            elif each.broken == NOT_JSON:
                assert (each.content_type, each.status) == ("text/plain", 415)
            else:
                assert each.status == 400
                found = violations(json.loads(each.body))
                assert {violation.rule for violation in found} == {each.rule}, each

    def test_every_breach_comes(self, broken: list[Planned]) -> None:
        """In a thousand requests everything is broken that can be."""
        names = {breach.name for breach in BREACHES}
        assert {each.broken for each in broken} == {*names, CUT_SHORT, NOT_JSON}

    def test_share(self) -> None:
        """As many are broken as the mix says, roughly."""
        made = [planned(7, number, Mix.parse("broken=20")) for number in range(1000)]
        assert 150 < sum(bool(each.broken) for each in made) < 250


def test_a_seed_repeats_itself() -> None:
    """The same seed gives the same bytes, another seed gives others."""
    mix = Mix.parse("")
    once, again, other = ([planned(s, n, mix) for n in range(50)] for s in (3, 3, 4))
    assert once == again
    assert not {each.body for each in once} & {each.body for each in other}


class TestMix:
    """Weights, as one types them."""

    def test_a_name_alone_is_changed(self) -> None:
        """What is not named keeps its weight."""
        mix = Mix.parse("video=0, app=0,broken=50")
        assert (mix.formats["video"], mix.formats["banner"]) == (0, FORMATS["banner"])
        assert (mix.channels["app"], mix.broken) == (0, 0.5)
        kinds = {planned(seed, 0, mix).kind for seed in range(200)}
        assert not [kind for kind in kinds if "video" in kind or "app" in kind]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("radio=1", "there is no 'radio' to mix, there are banner, video"),
            ("video", "'video': a weight is a number from 0 on"),
            ("video=-1", "a weight is"),
            ("video=nan", "a weight is"),
            ("video=inf", "a weight is"),
            ("site=0,app=0,dooh=0", "no format or no channel"),
            ("banner=0,video=0", "dooh needs banner or video"),
            ("broken=101", "a percentage"),
        ],
    )
    def test_nonsense(self, text: str, why: str) -> None:
        """A mix that makes no sense says why."""
        with pytest.raises(UsageError, match=why):
            Mix.parse(text)


class TestDisagreement:
    """An answer is the expected one, or is told."""

    VALID = Planned("banner on site", "", b"{}", "application/json", 202, "")
    BROKEN = Planned("banner on site", "a flag of 2", b"{}", "application/json", 400, "one-of")

    @staticmethod
    def answer(status: int, *rules: str, code: str = "invalid-bid-request") -> Response:
        """Return the ingest's answer."""
        errors = [{"rule": rule, "path": "", "message": ""} for rule in rules]
        return Response(status, {}, json.dumps({"code": code, "errors": errors}).encode(), 0.0)

    def test_as_expected(self) -> None:
        """202 for what is valid; for what is broken its status and its rule."""
        assert self.VALID.disagreement(Response(202, {}, b"{}", 0.0)) is None
        assert self.BROKEN.disagreement(self.answer(400, "one-of")) is None

    def test_not_as_expected(self) -> None:
        """Another status, another rule, one rule more: each is told."""
        assert self.BROKEN.disagreement(self.answer(202)) is not None
        told = self.BROKEN.disagreement(self.answer(400, "type", "one-of"))
        assert told == "a flag of 2: 400 one-of+type for 400 one-of"
        overloaded = self.VALID.disagreement(self.answer(503, code="overloaded"))
        assert overloaded == "valid: 503 overloaded for 202"
