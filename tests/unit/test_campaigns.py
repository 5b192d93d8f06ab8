"""Which mails are one sending: the features they show, and which of them link."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.attribute.campaigns.features import addressee, sending
from canary.attribute.campaigns.link import INDEPENDENT, belongs, pairs
from canary.attribute.campaigns.minhash import ALIKE, likeness, sketch
from canary.attribute.campaigns.normalise import Addressee, normal_words, subject_words
from canary.mail.parse import parse
from canary.model.campaign import CampaignLink, CampaignSending, Feature, FeatureKind, Sketch
from canary.model.canary import Persona
from canary.model.identity import Identity
from canary.model.mail import Client
from canary.model.proof import DkimResult, Proofs, Result
from canary.processes.judging import supplier_book
from tests.sendings import ANNA, BEN, CLIENT, LURE, letter, named, owner

BOOK = supplier_book()
FOOTER = (
    "This email was sent to you because you are a customer of ours. If you no longer wish to receive it you can "
    "unsubscribe at any time. This message is confidential and intended only for the person it is addressed to. "
    "Copyright by the sender, all rights reserved. See our privacy policy and our terms of service for the details.\n"
)
STORY = (
    "On {} the old miller of our valley walked to the river with his {} daughters, a basket of bread and one long rope."
)


def show(
    content: bytes, client: Client = CLIENT, proofs: Proofs | None = None, to: Addressee | None = None
) -> CampaignSending:
    mail = parse(content)
    return sending(mail, proofs or Proofs(), Identity(), client, to or addressee(mail, ()), BOOK)


def drawn(text: str, to: Addressee | None = None) -> Sketch:
    found = sketch(normal_words(text, to or Addressee()))
    assert found is not None
    return found


def alike(one: str, two: str) -> float:
    return likeness(drawn(one).signature, [drawn(two).signature])[0]


def values(shown: CampaignSending, kind: FeatureKind) -> list[str]:
    return [feature.value for feature in shown.features if feature.kind is kind]


def signed(*domains: str) -> Proofs:
    return Proofs(dkim=tuple(DkimResult(Result.PASS, domain) for domain in domains))


def test_copies_that_differ_in_figures_dates_and_links_only_are_one_text() -> None:
    one = (
        STORY.format("Monday, 3 March 2011,", "2")
        + " See https://a.example/?id=8f3a or write to x1@b.example, code QX-81-Z."
    )
    two = STORY.format("12 April 2012", "3") + " See https://b.example/?id=77aa or write to y2@b.example, code ZZ-07-K."
    assert drawn(one) == drawn(two)


def test_copies_that_name_their_addressee_are_one_text() -> None:
    texts = []
    for canary, vendor in (ANNA, BEN):
        to = addressee(parse(b"To: nobody@x.example\r\n\r\n"), [(canary, vendor)])
        texts.append(normal_words(LURE.format(name=named(canary), vendor=vendor.name, to=canary.address), to))
    assert texts[0] == texts[1]
    assert "customer" in texts[0]


def test_a_name_goes_as_a_whole_and_its_single_words_stay() -> None:
    words = normal_words("The Body Shop writes: the body of the letter.", Addressee(("The Body Shop",)))
    assert words == ["writes", "the", "body", "of", "the", "letter"]


def test_the_name_in_to_is_a_name_of_the_addressee() -> None:
    mail = parse(b"To: Rosalind Quince <a@x.example>\r\n\r\nDear Rosalind Quince, hello")
    assert normal_words(mail.text, addressee(mail, ())) == ["dear", "hello"]


def test_a_text_that_was_changed_a_little_is_alike_and_another_is_not() -> None:
    text = "\n".join(
        STORY.format(f"a {day} morning", size) for day, size in (("cold", "tall"), ("wet", "small"), ("dark", "kind"))
    )
    assert alike(text, text.replace("river", "bridge").replace("rope", "stick")) >= ALIKE
    assert alike(text, FOOTER.replace("unsubscribe", "sing") + LURE) < 0.2


def test_a_common_footer_makes_no_two_texts_alike() -> None:
    one = "Our garden shears cut anything you like and stay sharp for years, says every gardener whom we asked last spring. "
    two = "The concert on the pier begins at eight, bring a warm coat and a friend who likes loud brass bands, tea and cake. "
    assert alike(one + FOOTER * 3, two + FOOTER * 3) < 0.1


def test_a_footer_without_full_stops_takes_nothing_before_it_away() -> None:
    line = " ".join(["garden shears cut anything"] * 15)
    assert len(normal_words(f"{line} unsubscribe here privacy policy", Addressee())) == 60


@pytest.mark.parametrize("text", ["Hi there.", "buy now " * 50, "", "2011 " * 100, "https://a.example/" * 30])
def test_a_text_that_says_little_has_no_sketch(text: str) -> None:
    assert sketch(normal_words(text, Addressee())) is None


def test_a_text_without_spaces_between_words_has_a_sketch() -> None:
    assert len(drawn("お客様のアカウントに異常なログインが確認されましたので至急ご確認ください").bands) == 24


def markup(*paragraphs: str) -> bytes:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"Subject: x\nContent-Type: text/html\n\n<html><body>{body}</body></html>".encode()


def test_what_a_mail_hides_from_its_reader_is_no_part_of_its_text() -> None:
    chaff = f'<div style="Display : NONE"><b style="display:none">a</b>{LURE}</div>'
    story = STORY.format("a day", "two") * 2
    assert show(markup(chaff + story)).sketch == show(markup(story)).sketch
    assert show(markup(chaff)).sketch is None


def test_a_plain_part_that_says_nothing_gives_way_to_the_other() -> None:
    plain = b"Content-Type: text/plain\n\nPlease use another program.\n"
    both = (
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n"
        + plain
        + b"--b\n"
        + markup(LURE)[11:]
        + b"\n--b--\n"
    )
    assert show(both).sketch == show(markup(LURE)).sketch is not None


@pytest.mark.parametrize("depth", [3, 7_000])
def test_hidden_boxes_in_hidden_boxes_do_no_harm(depth: int) -> None:
    html = '<div style="display:none">a' * depth + "</div>" * (depth // 2) + "<p style='display:none'>b<p>c d e"
    assert show(markup(html)).sketch is None


def test_characters_that_show_nothing_hide_no_likeness() -> None:
    hidden = "".join(f"{c}\u200b\u034f" for c in LURE)
    assert drawn(hidden) == drawn(LURE)


def test_a_sketch_is_the_same_in_every_process() -> None:
    assert (drawn(LURE).digest, drawn(LURE).bands[0]) == (-3743428969704373442, -6636012634800180239)


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    text = "".join(
        f"{STORY.format('a day', 'two')} {chr(97 + n % 26) * 3}{chr(97 + n // 26 % 26) * 3}\n" for n in range(3000)
    )
    assert drawn(text) == drawn(text + LURE)


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "!" * 200_000, "http" * 50_000, "re:" * 1000, "copyright " * 20_000, "\u0301" * 99_999]
)
def test_hostile_text_takes_no_longer_than_other_text(text: str) -> None:
    assert len(normal_words(text, Addressee(("a a a", "re")))) <= 4000
    subject_words(text[:1000], Addressee())


def test_an_answer_mark_and_a_number_are_no_part_of_a_subject() -> None:
    assert values(show(letter(subject="Re: FW: [list] Your parcel 8812 is waiting here")), FeatureKind.SUBJECT) == [
        "your parcel is waiting here"
    ]


@pytest.mark.parametrize("subject", ["", "Hello", "Reader update", "Invoice 2231", "Re: Re: hi you two"])
def test_a_subject_that_anybody_writes_is_no_feature(subject: str) -> None:
    assert values(show(letter(subject=subject)), FeatureKind.SUBJECT) == []


def test_the_first_significant_link_is_a_feature_by_its_registered_domain() -> None:
    body = "https://www.google.com/a https://bit.ly/x https://login.bad.example/1 https://worse.example/"
    assert values(show(letter(body=body)), FeatureKind.LINK) == ["bad.example"]


def test_a_link_to_the_vendor_itself_is_no_feature() -> None:
    mail = parse(letter(body="https://www.play.example/offers"))
    assert (
        values(show(letter(body="https://www.play.example/offers"), to=addressee(mail, [ANNA])), FeatureKind.LINK) == []
    )


def test_a_short_text_counts_as_a_feature_beside_another() -> None:
    shown = show(letter(body="Please look at the new pictures."))
    assert shown.sketch is None
    assert values(shown, FeatureKind.WORDS) == ["please look at the new pictures"]


def test_a_sender_is_known_by_its_habit_of_naming() -> None:
    shapes = [
        values(show(letter(sender=f'"Parcel Office" <desk{n}@h{n}.example>')), FeatureKind.SENDER) for n in (17, 4)
    ]
    assert shapes == [["parcel office <desk0>"]] * 2


def test_a_sender_that_leads_to_its_own_site_shows_one_thing() -> None:
    shown = show(letter(body="https://www.bad.example/", sender='"Parcel Office" <desk@mail.bad.example>'))
    assert (values(shown, FeatureKind.SENDER), values(shown, FeatureKind.LINK)) == ([], ["bad.example"])


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://storage.googleapis.com/bucket/x", []),
        ("https://s3.eu-west-1.amazonaws.com/bucket", []),
        ("https://bucket.s3.amazonaws.com/x", []),
        ("https://docs.google.com/forms/1", []),
        ("http://1.2.3/", []),
        ("https://www.google.co.jp/url", []),
        ("http://203.0.113.9/", ["203.0.113.9"]),
        ("https://bad-page.web.app/x", ["bad-page.web.app"]),
        ("https://web.app/", []),
    ],
)
def test_a_link_to_a_place_that_anybody_uses_is_no_feature(link: str, found: list[str]) -> None:
    assert values(show(letter(body=link)), FeatureKind.LINK) == found


@pytest.mark.parametrize("sender", ["<info@a.example>", "News <news@a.example>", '"DHL" <noreply@a.example>'])
def test_a_sender_like_any_other_is_no_feature(sender: str) -> None:
    assert values(show(letter(sender=sender)), FeatureKind.SENDER) == []


@pytest.mark.parametrize(
    ("domains", "found"), [(("gmail.com",), []), (("sendgrid.net", "mail.bad.example"), ["bad.example"]), ((), [])]
)
def test_a_signature_of_a_platform_is_no_feature(domains: tuple[str, ...], found: list[str]) -> None:
    assert values(show(letter(), proofs=signed(*domains)), FeatureKind.DKIM) == found


def test_an_account_at_a_platform_is_a_feature() -> None:
    mail = parse(letter())
    shown = sending(mail, Proofs(), Identity(esp="sendgrid", account="17"), CLIENT, Addressee(), BOOK)
    assert values(shown, FeatureKind.ACCOUNT) == ["sendgrid/17"]


@pytest.mark.parametrize(
    ("ip", "helo", "found"),
    [
        ("203.0.113.9", "mx7.bad.example", ["bad.example", "203.0.113.0/24"]),
        ("203.0.113.9", "vps-77.ovh.net", ["203.0.113.0/24"]),
        ("203.0.113.9", "localhost", ["203.0.113.0/24"]),
        ("203.0.113.9", "[203.0.113.9]", ["203.0.113.0/24"]),
        ("2001:db8:1:2::3", "DESKTOP-7", ["2001:db8:1::/48"]),
        ("::ffff:203.0.113.9", "", ["203.0.113.0/24"]),
        ("209.85.1.1", "mail-f41.google.com", []),
        ("10.0.0.7", "relay.lan", []),
        ("", "", []),
        ("nonsense", "..", []),
    ],
)
def test_a_host_is_known_by_its_name_or_its_network(ip: str, helo: str, found: list[str]) -> None:
    assert values(show(letter(), Client(ip, 25, helo)), FeatureKind.HOST) == found


def test_a_file_of_some_size_is_a_feature_and_a_logo_is_not() -> None:
    mail = parse(letter(files=[("paper.pdf", "application/pdf", 5000), ("logo.png", "image/png", 5000)]))
    shown = sending(mail, Proofs(), Identity(), CLIENT, Addressee(), BOOK)
    assert values(shown, FeatureKind.ATTACHMENT) == [mail.attachments[0].sha256]


def linked(*features: Feature) -> set[frozenset[FeatureKind]]:
    return {frozenset(feature.kind for feature in pair) for _, pair in pairs(features)}


def test_one_feature_links_nobody_and_two_independent_ones_do() -> None:
    subject, link = Feature(FeatureKind.SUBJECT, "your parcel is waiting"), Feature(FeatureKind.LINK, "bad.example")
    assert linked(subject) == set()
    assert linked(subject, link) == {frozenset({FeatureKind.SUBJECT, FeatureKind.LINK})}


@pytest.mark.parametrize(
    "kinds",
    [
        (FeatureKind.DKIM, FeatureKind.HOST),
        (FeatureKind.DKIM, FeatureKind.ACCOUNT),
        (FeatureKind.SUBJECT, FeatureKind.WORDS),
        (FeatureKind.SENDER, FeatureKind.DKIM),
    ],
)
def test_features_that_follow_from_each_other_are_no_pair(kinds: tuple[FeatureKind, FeatureKind]) -> None:
    assert linked(*(Feature(kind, f"value {kind}") for kind in kinds)) == set()


def test_a_domain_that_signs_and_is_linked_to_is_one_thing_said_twice() -> None:
    assert linked(Feature(FeatureKind.LINK, "bad.example"), Feature(FeatureKind.DKIM, "bad.example")) == set()


def test_name_and_network_of_one_host_are_one_feature() -> None:
    assert linked(Feature(FeatureKind.HOST, "bad.example"), Feature(FeatureKind.HOST, "203.0.113.0/24")) == set()


def test_every_pair_that_links_says_why() -> None:
    assert all(len(pair) == 2 and why for pair, why in INDEPENDENT.items())


@given(st.permutations([Feature(kind, kind.value * 3) for kind in FeatureKind if kind is not FeatureKind.TEXT]))
def test_pairs_do_not_depend_on_the_order_of_features(features: list[Feature]) -> None:
    assert {number for number, _ in pairs(features)} == {number for number, _ in pairs(sorted(features, key=str))}


def test_a_mail_makes_all_campaigns_one_that_it_is_linked_to() -> None:
    assert belongs({7: CampaignLink(0.7), 3: CampaignLink(0.9)}, ()) == [3, 7]


def test_where_a_person_set_campaigns_apart_the_nearer_one_has_the_mail() -> None:
    found = {
        3: CampaignLink(0.7),
        7: CampaignLink(0.9),
        9: CampaignLink(0.0, (Feature(FeatureKind.LINK, "a.example"),)),
    }
    assert belongs(found, [frozenset({3, 7})]) == [7, 9]
    assert belongs(dict.fromkeys(found, CampaignLink(0.8)), [frozenset({3, 7})]) == [3, 9]


NAMES = st.text("abcdefghijklmnopqrstuvwxyzéöß", min_size=3, max_size=12)


@given(NAMES, NAMES, NAMES, st.integers(0, 10**9), st.dates())
def test_name_number_and_date_do_not_distinguish_copies(
    first: str, family: str, vendor: str, number: int, day: date
) -> None:
    mine = owner(1, f"{first}.{family}", vendor, Persona(first.capitalize(), family.capitalize()))
    to = addressee(parse(b""), [mine])
    text = f"Dear {named(mine[0])},\nyour {vendor} points, {number} in all, end on {day} or {day:%d %B %Y}: see a.example/{number}"
    assert set(normal_words(text, to)) <= {"dear", "your", "points", "in", "all", "end", "on", "or", "see", "example"}


@given(st.text(max_size=400), st.text(max_size=80), st.text(max_size=80))
def test_whatever_a_mail_says_its_sending_is_shown(text: str, subject: str, name: str) -> None:
    shown = show(letter(subject=subject, body=text, sender=name))
    assert all(len(feature.value) <= 200 for feature in shown.features)
