"""What counts as proof of a sender."""

from canary.model.proof import DkimResult, DmarcResult, Proofs, Result, SpfResult


def test_signatures_that_verify_name_their_domains_once_and_in_order() -> None:
    passing = [DkimResult(Result.PASS, domain) for domain in ("b.example", "a.example", "b.example")]
    assert Proofs(dkim=(*passing, DkimResult(Result.FAIL, "c.example"))).dkim_domains == ("b.example", "a.example")


def test_a_signature_that_leaves_octets_unsigned_names_no_sender() -> None:
    assert Proofs(dkim=(DkimResult(Result.PASS, "a.example", unsigned=1),)).dkim_domains == ()


def test_a_temporary_error_anywhere_leaves_the_proofs_unsettled() -> None:
    assert Proofs(spf=SpfResult(Result.TEMPERROR)).unsettled
    assert Proofs(dmarc=DmarcResult(Result.TEMPERROR)).unsettled
    assert Proofs(dkim=(DkimResult(Result.PASS, "a.example"), DkimResult(Result.TEMPERROR))).unsettled
    assert not Proofs().unsettled
