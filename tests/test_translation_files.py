"""Every language has every sentence, with what code fills in; what has not is named. This needs no database."""

import re
import sys

import polib
import pytest

from .conftest import REPO

sys.path.insert(0, str(REPO / "scripts"))
try:
    import translations
    from bootstrap import i18n
finally:
    sys.path.remove(str(REPO / "scripts"))

PLAIN = "Balance"
FILLED = "%(amount)s is left, about %s %%"
MARKED = '<i class="fa fa-plus me-2"/>Add <em>{{0}}</em> '
TEXTS = {PLAIN: "Solde", FILLED: "%(amount)s restent, %s %% environ", MARKED: MARKED.replace("Add", "Ajouter")}
FAULTS = {
    "an empty one": ({PLAIN: ""}, f"not translated: {PLAIN!r}"),
    "a blank one": ({PLAIN: " "}, f"not translated: {PLAIN!r}"),
    "a missing one": ({PLAIN: None}, f"not translated: {PLAIN!r}"),
    "a lost placeholder": ({FILLED: "%(amount)s restent %%"}, f"other placeholders than the original: {FILLED!r}"),
    "a translated name": ({FILLED: "%(x)s restent, %s %%"}, f"other placeholders than the original: {FILLED!r}"),
    "a lost percent": ({FILLED: "%(amount)s restent, %s"}, f"other placeholders than the original: {FILLED!r}"),
    "a lost brace": ({MARKED: MARKED.replace("{{0}}", "0")}, f"other placeholders than the original: {MARKED!r}"),
    "an open tag": ({MARKED: MARKED.replace("</em>", "")}, f"other tags than the original: {MARKED!r}"),
    "a lost blank": ({MARKED: MARKED.rstrip()}, f"other blanks at its ends than the original: {MARKED!r}"),
    "one too many": ({"Gone": "Parti"}, "no longer in the template: 'Gone'"),
}  # fmt: skip


def written(path, texts, **metadata):
    """Write a file as `make pot` does, with these texts; return its path."""
    po = polib.POFile()
    po.metadata = {"Language": path.stem, "Plural-Forms": "nplurals=2; plural=n > 1;", **metadata}
    po.extend(polib.POEntry(msgid=msgid, msgstr=text) for msgid, text in sorted(texts.items()) if text is not None)
    path.parent.mkdir(parents=True, exist_ok=True)
    po.save(str(path))
    return str(path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "addon/i18n"


def findings(folder, file):
    template = written(folder / "addon.pot", dict.fromkeys(TEXTS, ""))
    return list(translations.check(polib.pofile(template), file))


def test_every_language_of_both_addons_is_complete():
    assert [file.name for file in i18n.languages(i18n.ADDONS[0])]
    assert i18n.of_translations(sys.executable) == []


def test_a_complete_file_is_let_through(folder):
    assert findings(folder, written(folder / "fr.po", TEXTS)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_file_and_sentence(folder, fault):
    changes, expected = FAULTS[fault]
    assert findings(folder, written(folder / "fr.po", {**TEXTS, **changes})) == [f"addon/i18n/fr.po: {expected}"]


@pytest.mark.parametrize("flag", ["fuzzy", "obsolete"])
def test_a_guess_or_what_is_kept_as_former_is_no_translation(folder, flag):
    file = written(folder / "fr.po", TEXTS)
    po = polib.pofile(file)
    entry = po.find(PLAIN)
    if flag == "fuzzy":
        entry.flags.append("fuzzy")
    else:
        entry.obsolete = True
    po.save(file)
    assert f"addon/i18n/fr.po: not translated: {PLAIN!r}" in findings(folder, file)


def test_a_sentence_that_is_there_twice_is_named(folder):
    file = written(folder / "fr.po", TEXTS)
    po = polib.pofile(file)
    po.insert(0, polib.POEntry(msgid=PLAIN, msgstr="Autre"))
    po.save(file)
    assert f"addon/i18n/fr.po: is there more than once: {PLAIN!r}" in findings(folder, file)


def test_another_order_is_named(folder):
    file = written(folder / "fr.po", TEXTS)
    po = polib.pofile(file)
    po.sort(key=lambda entry: entry.msgid, reverse=True)
    po.save(file)
    assert findings(folder, file) == ["addon/i18n/fr.po: is not written as `make pot` writes it"]


@pytest.mark.parametrize("metadata", [{"Language": "es"}, {"Plural-Forms": ""}])
def test_a_wrong_header_is_named(folder, metadata):
    [found] = findings(folder, written(folder / "fr.po", TEXTS, **metadata))
    assert found.startswith("addon/i18n/fr.po: the header")


def test_a_file_that_cannot_be_read_is_named(folder):
    file = written(folder / "fr.po", TEXTS)
    (folder / "fr.po").write_text('msgid "a\nmsgstr')
    [found] = findings(folder, file)
    assert found.startswith("addon/i18n/fr.po: Syntax error")


def test_a_region_holds_what_differs_from_its_language_and_nothing_else(folder):
    written(folder / "fr.po", TEXTS)
    assert findings(folder, written(folder / "fr_CA.po", {PLAIN: "Balance"})) == []
    for text, expected in (("", "not translated"), ("Solde", "says what fr.po says; leave it out")):
        assert f"addon/i18n/fr_CA.po: {expected}: {PLAIN!r}" in findings(
            folder, written(folder / "fr_CA.po", {PLAIN: text, FILLED: "%(amount)s, %s %%"})
        )


def test_new_sentences_are_not_taken_over_into_a_region_s_file(folder):
    written(folder / "fr.po", TEXTS)
    file = written(folder / "fr_CA.po", {PLAIN: "Balance"})
    translations.merge(polib.pofile(written(folder / "addon.pot", dict.fromkeys(TEXTS, ""))), file)
    assert [(entry.msgid, entry.msgstr) for entry in polib.pofile(file)] == [(PLAIN, "Balance")]


def test_a_region_without_its_language_is_a_language_itself(folder):
    assert len(findings(folder, written(folder / "fr_CA.po", {PLAIN: "Balance"}))) > 1


# Beginnings and ends of what is but a part of a sentence: no language has the same order of words. Values are filled
# into whole sentences. Labels of fields may end so, and an address may begin so.
BEGINS = re.compile("[a-z.,;:)…–]")
ENDS = re.compile(r"(\b(of|in|for|at|by|from|to|until|about|between|and|or|is|are|under|with|below)|[,(])$")
LABELS = {"name@company.com", "Tell them when the balance falls below", "Lasts until", "Minutes left, about", "To"}


def test_pages_of_the_portal_are_translated_by_whole_sentences():
    template = polib.pofile(str(REPO / "call_wallet/i18n/call_wallet.pot"))
    on_the_portal = {
        entry.msgid
        for entry in template
        if any("arch_db:call_wallet.portal_" in place for place, _line in entry.occurrences)
    }
    assert len(on_the_portal) > 100
    parts = {text for text in on_the_portal - LABELS if BEGINS.match(text) or ENDS.search(text)}
    assert not parts


@pytest.mark.parametrize("language", ["es", "fr", "de", "pt"])
def test_examples_of_numbers_are_written_as_the_language_writes_them(language):
    # Prices such as 0.0391 in sentences; not the markup of mails, nor the paragraphs of a standard.
    english = re.compile(r"(?<![\d.-])\d+\.\d+(?![\d.-])")
    entries = polib.pofile(str(REPO / f"call_wallet/i18n/{language}.po"))
    wrong = {
        entry.msgstr
        for entry in entries
        for number in english.findall(entry.msgstr)
        if number in entry.msgid and "<" not in entry.msgid and "IFRIC" not in entry.msgid
    }
    assert not wrong
