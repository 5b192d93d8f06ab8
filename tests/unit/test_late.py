"""DNS of today about mail of years ago: a pass is a pass, and nothing else is held against anybody."""

from canary.authenticate.retrospective import TOO_LATE, believed_late
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult

FAILED = Proofs(
    SpfResult(Result.FAIL, "shop.example", reason="-all", explanation="no"),
    (DkimResult(Result.PERMERROR, "shop.example", "k1", reason="no key"), DkimResult(Result.FAIL, "esp.example")),
    DmarcResult(Result.FAIL, "shop.example", policy="reject"),
    ArcResult(Result.FAIL),
)
PASSED = Proofs(
    SpfResult(Result.PASS, "shop.example"),
    (DkimResult(Result.PASS, "shop.example"),),
    DmarcResult(Result.PASS, "shop.example", policy="reject", aligned_dkim="shop.example"),
)


def test_what_passes_is_believed() -> None:
    assert believed_late(PASSED) == PASSED


def test_whatever_does_not_pass_was_asked_too_late() -> None:
    late = believed_late(FAILED)
    assert {late.spf.result, late.dmarc.result, *(each.result for each in late.dkim)} == {Result.TEMPERROR}
    assert late.unsettled
    assert late.dkim[0].reason == f"{TOO_LATE}: today permerror (no key)"


def test_a_policy_of_today_refuses_no_mail_of_old() -> None:
    assert believed_late(FAILED).dmarc.policy == ""


def test_what_could_not_be_asked_at_all_proves_nothing_either_way() -> None:
    assert believed_late(Proofs()).unsettled
